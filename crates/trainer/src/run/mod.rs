//! The run folder: the files of a training run and their writers.
//!
//! | name | written by |
//! |---|---|
//! | `config.toml` | [`folder::RunFolder::write_config`] |
//! | `lock` | [`lock::RunLock`], held by the session that trains |
//! | `cases.json` | the session, which compares it on resume |
//! | `metrics.jsonl` | [`metrics_log::MetricsLog`] |
//! | `events.out.tfevents.*` | [`tfevents::EventWriter`] |
//! | `evaluation.json` | [`semivox_inference::evaluation::Evaluation::write`] |
//! | `model.safetensors` | [`semivox_inference::Model::save`], with every checkpoint |
//! | `report.html` | [`crate::report::remake`] |
//! | `checkpoints/`, `predictions/` | the training loop and the evaluation |
//!
//! Files that are replaced as a whole go through [`folder::write_atomic`], so a
//! crash or a full disk leaves the previous version or none, never half a file.

mod atomic;
pub(crate) mod cases;
pub(crate) mod contents;
pub mod error;
pub mod folder;
pub mod lock;
pub mod metrics_log;
pub mod tfevents;

pub use error::RunError;
