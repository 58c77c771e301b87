//! Errors in data files and settings.

use std::path::{Path, PathBuf};

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
    #[error("cannot {action} `{}`: {source}{}", path.display(), advice(source))]
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
        "`{}`: expected labels 0, 1, 2, … for the classes in their order, found {}; write `classes.txt` beside images/, with one value and its name per line, or `labels` in `dataset.json`: {}",
        path.display(),
        listed(found),
        lines_of(found)
    )]
    LabelValues {
        /// The label file.
        path: PathBuf,
        /// The values found, in ascending order.
        found: Vec<i64>,
    },
    /// A label map contains values that are missing in the description of the data set.
    #[error(
        "`{}`: expected the label values of the {classes} classes described ({described}), found label {found}; add it to `classes.txt` or `dataset.json`, or correct the label map",
        path.display()
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
        other_shape(*relation)
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
        other_geometry(*turned)
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
    #[error("{}", labeled_count(unit, *requested, *available))]
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

/// The relation of the grids of a label map and its image, by their headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GridRelation {
    /// The same voxels, with the axes in another order or direction.
    Turned,
    /// A part of the image's grid, from this voxel on.
    Part([u32; 3]),
    /// Any other.
    Other,
}

/// Returns the advice for a label map of another shape than its image.
///
/// `start` is the voxel of the image at which the label map begins, if it is a part of the image's grid, as 3D Slicer
/// saves label maps by default.
fn other_shape(relation: GridRelation) -> String {
    match relation {
        GridRelation::Turned => TURNED.into(),
        GridRelation::Other => "check that both files belong to the same scan".into(),
        GridRelation::Part(start) => format!(
            "by its header the label map is a part of the image's grid, from voxel {start:?} on: export it on the whole grid, in 3D Slicer with the image as reference volume"
        ),
    }
}

/// Says what to do about a label map at another place than its image.
fn other_geometry(turned: bool) -> &'static str {
    match turned {
        true => TURNED,
        false => {
            "resample the label map onto the image, or copy the image's header if only the header is wrong"
        }
    }
}

/// What to do about a label map whose voxels are those of its image in another order.
const TURNED: &str = "by its header the label map covers the same voxels, with its axes in another order or direction: bring it to the image's axes (`semivox inspect DATA --fix FOLDER` does), and do not copy the header";

/// Maximum number of values listed in a message.
const LISTED: usize = 16;

/// Formats values for a message, at most the first few.
pub(crate) fn listed(values: &[i64]) -> String {
    let shown: Vec<String> = values.iter().take(LISTED).map(i64::to_string).collect();
    match values.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Formats the lines of a `classes.txt` for values other than class indices, to be completed with names.
fn lines_of(values: &[i64]) -> String {
    let classes = values.iter().filter(|&&value| value > 0).take(LISTED);
    let named = classes
        .zip(1..)
        .map(|(value, class)| format!("`{value} class {class}`"));
    let lines: Vec<String> = std::iter::once("`0 background`".into())
        .chain(named)
        .collect();
    lines.join(", ")
}

fn labeled_count(unit: &str, requested: usize, available: usize) -> String {
    match available {
        0 => format!(
            "expected at least one of the training {unit} to have a label map, found none; annotate some of them"
        ),
        _ => format!(
            "expected a number of labeled {unit} (--labeled) from 1 to {available}, found {requested}; choose one in that range"
        ),
    }
}

/// Returns the advice for errors of the operating system that a user can fix.
fn advice(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::StorageFull => "; free some space and try again",
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may use, or change its permissions"
        }
        _ => "",
    }
}

impl DataError {
    /// Wraps an I/O error with the path and the attempted action.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }

    /// Creates an error for an invalid file or folder.
    pub(crate) fn unexpected(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (expected, found, hint) = (expected.into(), found.into(), hint.into());
        Self::Unexpected {
            path: path.to_path_buf(),
            expected,
            found,
            hint,
        }
    }

    /// Creates an error for a missing file or folder.
    pub(crate) fn missing(
        path: &Path,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Missing {
            path: path.to_path_buf(),
            expected: expected.into(),
            hint: hint.into(),
        }
    }
}
