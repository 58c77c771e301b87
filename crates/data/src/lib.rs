//! Medical volumes with geometry: reading, preprocessing, augmentation, phantoms and loading.
//!
//! [`layout`] finds the cases of a data set and splits them into labeled, unlabeled and test; [`io`] reads a case as
//! an [`Image`] of one or more channels, each a [`Volume`], and a [`LabelMap`], with their [`Geometry`]. An
//! [`UnlabeledCase`] has no path to a label map, which rules out reading one by accident. [`preprocess`] resamples and
//! normalizes scans and maps predictions back, [`cache`] holds preprocessed scans in memory, [`augment`] draws weak and
//! strong views, [`loader`] prefetches batches in order, [`rng`] provides keyed random number generators, and
//! [`phantom`] generates synthetic scans. The crate does not depend on Burn.
//!
//! # Examples
//!
//! ```
//! use ndarray::Array3;
//! use semivox_data::io::{write_labels, write_volume};
//! use semivox_data::{Geometry, LabelMap, Volume, check_labels, layout};
//!
//! // A folder with two scans, one of them labeled.
//! let root = tempfile::tempdir()?;
//! std::fs::create_dir(root.path().join("images"))?;
//! std::fs::create_dir(root.path().join("labels"))?;
//! let geometry = Geometry::from_spacing([0.8, 0.8, 2.0]);
//! for name in ["images/one.nii.gz", "images/two.nii.gz"] {
//!     write_volume(root.path().join(name), &Volume::new(Array3::zeros((8, 8, 4)), geometry))?;
//! }
//! let labels = LabelMap::new(Array3::ones((8, 8, 4)), geometry);
//! write_labels(root.path().join("labels/one.nii.gz"), &labels)?;
//!
//! let dataset = layout::open(root.path())?;
//! let (image, labels) = dataset.labeled[0].load()?;
//! check_labels(&labels, dataset.classes.len())?;
//! assert_eq!(dataset.unlabeled[0].load()?.shape(), image.shape());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod augment;
pub mod cache;
mod case;
mod checksum;
mod dataset;
mod error;
mod fingerprint;
mod finite;
mod geometry;
mod image;
pub mod inspect;
pub mod io;
mod label_budget;
mod label_values;
pub mod layout;
pub mod leaks;
pub mod loader;
mod mirroring;
mod names;
mod orientation;
mod patients;
pub mod phantom;
pub mod preprocess;
pub mod rng;
mod same_grid;
mod source;
mod source_header;
mod survey;
mod taps;
mod unit;
mod volume;

pub use case::{LabeledCase, UnlabeledCase};
pub use dataset::Dataset;
pub use error::{DataError, GridRelation};
pub use fingerprint::{Fingerprint, Match};
pub use geometry::Geometry;
pub use image::Image;
pub use label_budget::LabelBudget;
pub use label_values::{IGNORED, LabelValues};
pub use mirroring::Mirroring;
pub use orientation::{Orientation, Reorientation};
pub use patients::{NameRule, PatientSource, Patients};
pub use same_grid::check_same_grid;
pub use source::{AxisOrder, Source};
pub use source_header::SourceHeader;
pub use survey::{ChannelSurvey, Survey};
pub use volume::{LabelMap, Volume, check_labels};
