//! The kinds of errors in data files and settings.

use std::path::PathBuf;

use super::{GridRelation, advice, grids};

/// An error in a data file or setting, with what was expected, what was found and how to fix it.
///
/// # Examples
///
/// ```
/// use semivox_data::{check_labels, DataError, Geometry, LabelMap};
/// use ndarray::Array3;
///
/// let labels = LabelMap::new(Array3::from_elem((1, 1, 1), 7), Geometry::default());
/// let error = check_labels(&labels, 2).unwrap_err();
/// assert!(matches!(error, DataError::LabelOutOfRange { label: 7, classes: 2 }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}{}", path.display(), advice::of_system(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The attempted action: "read", "write", ….
        action: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A required file or folder is missing.
    #[error("expected {expected} at `{}`, found nothing there; {hint}", path.display())]
    Missing {
        /// The path that was checked.
        path: PathBuf,
        /// The expected file or folder.
        expected: String,
        /// A hint on how to fix it.
        hint: String,
    },
    /// A file has fewer bytes than its header states.
    #[error("`{}` is cut short: expected {expected} bytes, found {found}; copy or download it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Number of bytes stated by the header, after decompression.
        expected: u64,
        /// Number of bytes found, after decompression.
        found: u64,
    },
    /// A file, folder or setting is invalid.
    #[error("`{}`: expected {expected}, found {found}; {hint}", path.display())]
    Unexpected {
        /// The file or folder.
        path: PathBuf,
        /// The expected content or value.
        expected: String,
        /// The content or value found.
        found: String,
        /// A hint on how to fix it.
        hint: String,
    },
    /// An image contains NaN or infinite voxels.
    #[error(
        "`{}`: expected finite voxels, found {count} NaN or infinite ones, the first at {first:?}; replace them or remove the case",
        path.display()
    )]
    NonFinite {
        /// The image.
        path: PathBuf,
        /// The number of such voxels.
        count: usize,
        /// Index `[x, y, z]` of the first one.
        first: [usize; 3],
    },
    /// A scan in memory contains NaN or infinite voxels.
    #[error(
        "channel {channel} of the scan: expected finite voxels, found {count} NaN or infinite ones, the first at {first:?}; \
         replace them"
    )]
    NonFiniteChannel {
        /// The channel, counted from 1.
        channel: usize,
        /// The number of such voxels.
        count: usize,
        /// Index `[x, y, z]` of the first one.
        first: [usize; 3],
    },
    /// A label map contains a value that is not a valid label.
    #[error(
        "`{}`: expected labels that are whole numbers from 0 to 255, found {value}; export the label map again as integers",
        path.display()
    )]
    LabelValue {
        /// The label file.
        path: PathBuf,
        /// The value found.
        value: f64,
    },
    /// A label map contains values that cannot be class indices.
    #[error(
        "`{}`: expected labels 0, 1, 2, … for the classes in their order, found {}; {}",
        path.display(),
        advice::listed(found),
        advice::of_values(found)
    )]
    LabelValues {
        /// The label file.
        path: PathBuf,
        /// The values found, in ascending order.
        found: Vec<i64>,
    },
    /// A label map contains values that are missing in the description of the data set.
    #[error(
        "`{}`: expected the label values of the {classes} classes described ({described}), found label {found}; {}",
        path.display(),
        advice::of_undescribed(found)
    )]
    LabelNotDescribed {
        /// The label file.
        path: PathBuf,
        /// The number of described classes, including the background.
        classes: usize,
        /// The described values.
        described: String,
        /// The values that are not described.
        found: String,
    },
    /// A label is not below the number of classes.
    #[error(
        "expected labels below {classes} ({classes} classes with the background), found label {label}; describe it in `classes.txt` or `dataset.json`, or correct the label map"
    )]
    LabelOutOfRange {
        /// The largest label found.
        label: u8,
        /// The number of classes, including the background.
        classes: usize,
    },
    /// An error in the contents of a file.
    #[error("`{file}`: {source}")]
    InFile {
        /// The file.
        file: String,
        /// The error.
        source: Box<DataError>,
    },
    /// An image and its label map have different shapes.
    #[error(
        "expected an image and a label map of one shape, found `{image}` of {image_shape:?} and `{label}` of {label_shape:?}; {}",
        grids::other_shape(*relation)
    )]
    ShapeMismatch {
        /// The image file.
        image: String,
        /// Its shape.
        image_shape: [usize; 3],
        /// The label file.
        label: String,
        /// Its shape.
        label_shape: [usize; 3],
        /// The relation of the two by their headers.
        relation: GridRelation,
    },
    /// An image and its label map lie on different grids.
    #[error(
        "expected one geometry for `{image}` and `{label}`, found corresponding corner voxels {distance:.2} voxels apart; {}",
        grids::other_geometry(*turned)
    )]
    GeometryMismatch {
        /// The image file.
        image: String,
        /// The label file.
        label: String,
        /// The largest distance between corresponding corner voxels, in voxels of the image.
        distance: f64,
        /// Whether the label map covers the same space, with its axes in another order or direction.
        turned: bool,
    },
    /// The channels of an image lie on different grids.
    #[error(
        "expected all channels of an image on one grid, found {found} for `{first}` and `{other}`; resample one of them onto the other"
    )]
    ChannelGrid {
        /// The file of the first channel.
        first: String,
        /// The file of the channel that differs.
        other: String,
        /// The difference.
        found: String,
    },
    /// The requested number of labeled cases is zero or exceeds the available ones.
    #[error("{}", advice::labeled_count(unit, *requested, *available))]
    LabeledCount {
        /// The unit that is counted: "cases" or "patients".
        unit: &'static str,
        /// The requested number.
        requested: usize,
        /// The available number.
        available: usize,
    },
    /// A case to hold out is not a labeled training case.
    #[error(
        "expected training cases with a label map, such as {known}, found `{id}`; correct the name or remove it"
    )]
    UnknownCase {
        /// The requested name.
        id: String,
        /// Some of the known names.
        known: String,
    },
    /// Some cases of a patient are held out while others are used for training.
    #[error(
        "expected all cases of `{unit}` to be held out or none, found {held_out} held out and {training} not; list all of them or none: a test patient must not be used for training"
    )]
    SplitPatient {
        /// The patient.
        unit: String,
        /// The cases held out.
        held_out: String,
        /// The other cases.
        training: String,
    },
    /// A setting is out of range.
    #[error("expected {name} to be {expected}, found {found}; change this setting")]
    InvalidSetting {
        /// The setting.
        name: &'static str,
        /// The allowed values.
        expected: String,
        /// The value found.
        found: String,
    },
}
