//! Overlap and surface metrics for segmentations, with distances in millimeters.
//!
//! Fractions are in `0..=1`, distances are in millimeters, and the spacing is a required argument. A
//! metric that an empty mask leaves undefined is [`Metric::Undefined`] with the reason, never a number.
//!
//! | metric | function | convention |
//! |---|---|---|
//! | Dice, Jaccard | [`dice`], [`jaccard`], [`Overlap`] | one mask empty: 0; both empty: undefined |
//! | HD95, pooled | [`SurfaceDistances::hd95`] | MedPy `hd95`: percentile over both directions together |
//! | HD95, directed maximum | [`SurfaceDistances::hd95_directed_max`] | MONAI: the larger of two percentiles |
//! | ASD | [`SurfaceDistances::asd`] | MedPy `asd`: prediction to reference |
//! | ASSD | [`SurfaceDistances::assd`] | mean of the two directed means |
//! | ASSD, pooled | [`SurfaceDistances::assd_pooled`] | MedPy 0.5 `assd`: mean over both directions together |
//! | NSD | [`SurfaceDistances::nsd`] | fraction of surface voxels within a tolerance |
//!
//! [`evaluate`] computes them, but for pooled ASSD and NSD, for every class of two label maps; [`aggregate`] averages over cases and
//! counts undefined values.
//!
//! # Examples
//!
//! ```
//! use ndarray::{Array3, s};
//! use semivox_metrics::{aggregate, evaluate};
//!
//! let mut reference = Array3::<u8>::zeros((12, 12, 12));
//! reference.slice_mut(s![2..8, 2..8, 2..8]).fill(1);
//! let mut prediction = Array3::<u8>::zeros((12, 12, 12));
//! prediction.slice_mut(s![3..9, 2..8, 2..8]).fill(1);
//!
//! let classes = evaluate(prediction.view(), reference.view(), 2, [0.5; 3])?;
//! assert_eq!(classes[0].hd95_mm.value(), Some(0.5));
//! let summary = aggregate(&classes);
//! assert_eq!(summary.dice.undefined.total(), 0);
//! # Ok::<(), semivox_metrics::MetricError>(())
//! ```

mod crop;
mod error;
mod evaluate;
mod metric;
mod overlap;
mod percentile;
mod summary;
mod surface;

pub use error::{LabelSource, MetricError};
pub use evaluate::{ClassMetrics, evaluate, evaluate_without};
pub use metric::{Metric, UndefinedReason};
pub use overlap::{Overlap, dice, jaccard};
pub use summary::{MetricSummary, Summary, UndefinedCounts, aggregate, aggregate_by_label};
pub use surface::SurfaceDistances;
