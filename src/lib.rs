//! Segment medical volumes with few labels, in pure Rust.
//!
//! This crate re-exports the crates of Semivox, each of which can be used on its own.
//!
//! | module | contents | needs Burn |
//! |---|---|---|
//! | [`sdf`] | exact distance transforms, signed distance maps, connected components | no |
//! | [`metrics`] | Dice, Jaccard, HD95, ASD, ASSD, NSD in millimeters | no |
//! | [`data`] | volumes with geometry, reading NIfTI, NRRD, MetaImage, DICOM and HDF5, preprocessing, augmentation, loading | no |
//! | [`kernels`] | 3D and 2D operators with their gradients, fast on CPUs | yes |
//! | [`models`] | V-Net, U-Net and heads, weights from and for PyTorch | yes |
//! | [`losses`] | segmentation, consistency, distillation and contrastive losses | yes |
//! | [`sampling`] | samplers of cases, patches and voxels, feature queues | yes |
//! | [`inference`] | trained models: sliding window, label maps, evaluation | yes |
//! | [`report`] | the HTML page of a run: curves, tables, slices | through `inference` |
//! | [`methods`] | training methods as lists of stages, one file each; checkpoints | yes |
//! | [`trainer`] | configuration, presets, training loop, run folder | yes |
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `cli` (default) | the `semivox` command, and its flags for other programs such as the examples |
//! | `flex` (default) | the CPU backend |
//! | `wgpu`, `vulkan`, `metal` | GPUs through WebGPU, Vulkan or Metal |
//! | `cuda`, `cuda-nvrtc` | NVIDIA GPUs, through LLVM or NVRTC |
//!
//! A library that selects its own backend turns the default features off. Rust 1.95 or later.
//!
//! # Examples
//!
//! Metrics of two masks, with distances in millimeters:
//!
//! ```
//! use ndarray::Array3;
//! use semivox::metrics::evaluate;
//!
//! let mut reference = Array3::<u8>::zeros((8, 8, 8));
//! reference.slice_mut(ndarray::s![2..6, 2..6, 2..6]).fill(1);
//! let mut prediction = Array3::<u8>::zeros((8, 8, 8));
//! prediction.slice_mut(ndarray::s![3..7, 2..6, 2..6]).fill(1);
//! let classes = evaluate(prediction.view(), reference.view(), 2, [0.5, 1.0, 1.0])?;
//! assert_eq!(classes[0].dice.value(), Some(0.75));
//! assert_eq!(classes[0].hd95_mm.value(), Some(0.5));
//! # Ok::<(), semivox::metrics::MetricError>(())
//! ```

#[cfg(feature = "cli")]
pub mod cli;

pub use semivox_data as data;
pub use semivox_inference as inference;
pub use semivox_kernels as kernels;
pub use semivox_losses as losses;
pub use semivox_methods as methods;
pub use semivox_metrics as metrics;
pub use semivox_models as models;
pub use semivox_report as report;
pub use semivox_sampling as sampling;
pub use semivox_sdf as sdf;
pub use semivox_trainer as trainer;

/// Types and functions that most programs import.
pub mod prelude {
    pub use semivox_data::{Dataset, Geometry, LabelBudget, LabelMap, Volume};
    pub use semivox_inference::Model;
    pub use semivox_metrics::evaluate;
    pub use semivox_models::{
        Architecture, Network, NetworkConfig, UNet, UNetConfig, VNet, VNetConfig,
    };
    pub use semivox_trainer::config::RunConfig;
    pub use semivox_trainer::presets::preset;
    pub use semivox_trainer::session::Session;
}

/// Code blocks of the README and the book, compiled and run as documentation tests.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/how-to/segment-from-rust.md")]
    struct SegmentFromRust;

    #[doc = include_str!("../docs/how-to/metrics.md")]
    struct Metrics;

    #[doc = include_str!("../docs/how-to/embed-a-loss.md")]
    struct EmbedALoss;

    #[doc = include_str!("../docs/how-to/add-a-method.md")]
    struct AddAMethod;

    #[doc = include_str!("../docs/how-to/splits.md")]
    struct Splits;

    #[doc = include_str!("../docs/weights.md")]
    struct Weights;
}
