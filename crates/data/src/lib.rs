//! Medical volumes with geometry: reading, preprocessing, augmentation, phantoms and loading.

mod case;
mod error;
mod geometry;
pub mod io;
pub mod layout;
mod volume;

pub mod augment;
pub mod preprocess;
pub mod rng;
mod taps;

pub use case::{AxisOrder, Dataset, LabeledCase, Source, UnlabeledCase};
pub use error::DataError;
pub use geometry::Geometry;
pub use volume::{LabelMap, Volume, check_labels};
