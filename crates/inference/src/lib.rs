//! Inference with trained segmentation models, and evaluation of their label maps.
//!
//! | task | item |
//! |---|---|
//! | segment scans with a trained model | [`Model`] |
//! | apply any network to a volume larger than its input patch | [`SlidingWindow`] |
//! | keep the largest connected component of every class | [`keep_largest_components`] |
//! | evaluate a model on labeled cases | [`evaluate`] |
//! | find out whether a model was trained on a scan | [`TrainingData`] |
//! | compare two folders of label maps | [`label_folders`] |
//! | select a device by name | [`device`] |
//!
//! A model is one safetensors file with weights, preprocessing, sliding window and classes. Using it needs neither the
//! training code nor the settings of its training.
//!
//! # Examples
//!
//! ```no_run
//! use semivox_data::io;
//! use semivox_inference::Model;
//!
//! let model = Model::open("runs/mine")?;
//! let labels = model.segment(&io::read_volume("scan.nii.gz")?)?;
//! model.description().write_labels("scan_labels.nii.gz", &labels)?; // with the label values of the training data
//! # Ok::<(), semivox_inference::InferenceError>(())
//! ```

mod consistency;
mod description;
pub mod device;
mod error;
mod evaluate;
pub mod evaluation;
pub mod label_folders;
mod model;
mod model_file;
pub mod panics;
mod postprocess;
mod seen_scans;
mod sliding_window;
mod training_data;

pub use description::Description;
pub use error::InferenceError;
pub use evaluate::{compare, evaluate};
pub use model::{Model, SegmentOptions};
pub use model_file::FILE_NAME;
pub use postprocess::keep_largest_components;
pub use seen_scans::SeenScans;
pub use sliding_window::{Blend, SlidingWindow};
pub use training_data::{Seen, TrainingData};
