//! Trained segmentation models: from a scan to its label map, and from label maps to metrics.
//!
//! | to | use |
//! |---|---|
//! | segment scans with a trained model | [`Model`] |
//! | apply any network to a volume that is larger than its input | [`SlidingWindow`] |
//! | keep one component of every class | [`keep_largest_components`] |
//! | evaluate a model on labeled cases | [`evaluate`] |
//! | compare two folders of label maps | [`label_folders`] |
//! | choose a device by its name | [`device`] |
//!
//! A model is one safetensors file: weights, preprocessing, window and classes. Nothing of how it was trained is
//! needed to use it.
//!
//! # Examples
//!
//! ```no_run
//! use semivox_data::io;
//! use semivox_inference::Model;
//!
//! let model = Model::open("runs/mine")?;
//! let labels = model.segment(&io::read_volume("scan.nii.gz")?)?;
//! io::write_labels("scan_labels.nii.gz", &labels)?;
//! # Ok::<(), semivox_inference::InferenceError>(())
//! ```

pub mod device;
mod error;
mod evaluate;
pub mod evaluation;
pub mod label_folders;
mod model;
mod model_file;
pub mod panics;
mod postprocess;
mod sliding_window;

pub use error::InferenceError;
pub use evaluate::{compare, evaluate};
pub use model::{Description, Model, SegmentOptions};
pub use model_file::FILE_NAME;
pub use postprocess::keep_largest_components;
pub use sliding_window::{Blend, SlidingWindow};
