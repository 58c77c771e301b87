//! What can go wrong with a person's files and settings.

use std::path::{Path, PathBuf};

/// An error about data: each message says what was expected, what was found
/// and what to do.
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
    /// The operating system refused to read or write a file.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: "read", "write", ….
        action: &'static str,
        /// The system's own error.
        source: std::io::Error,
    },
    /// A file or folder that has to be there is not.
    #[error("expected {expected} at `{}`, found nothing there; {hint}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// A file holds fewer bytes than its header announces.
    #[error("`{}` is cut short: expected {expected} bytes, found {found}; copy or download it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes announced by the header, after decompression.
        expected: u64,
        /// Bytes found, after decompression.
        found: u64,
    },
    /// A file, a folder or a setting is not what it should be.
    #[error("`{}`: expected {expected}, found {found}; {hint}", path.display())]
    Unexpected {
        /// The file or folder.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// What to do.
        hint: String,
    },
    /// An image holds NaN or infinite voxels.
    #[error(
        "`{}`: expected finite voxels, found {count} NaN or infinite ones, the first at {first:?}; replace them or leave the case out",
        path.display()
    )]
    NonFinite {
        /// The image.
        path: PathBuf,
        /// How many voxels are not finite.
        count: usize,
        /// Index `[x, y, z]` of the first one.
        first: [usize; 3],
    },
    /// A label map holds a value that is no label.
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
    /// A label map holds values that cannot be classes.
    #[error(
        "`{}`: expected labels 0, 1, 2, … for the classes in their order, found {found}; map them in `classes.txt`, with lines such as `205 myocardium`, or under `labels` in `dataset.json`",
        path.display()
    )]
    LabelValues {
        /// The label file.
        path: PathBuf,
        /// The values found.
        found: String,
    },
    /// A label map holds values that the data set's description does not have.
    #[error(
        "`{}`: expected the label values of the {classes} classes described ({described}), found label {found}; add it to `classes.txt` or `dataset.json`, or correct the label map",
        path.display()
    )]
    LabelNotDescribed {
        /// The label file.
        path: PathBuf,
        /// The number of classes described, background included.
        classes: usize,
        /// The values described.
        described: String,
        /// The values found that are not.
        found: String,
    },
    /// A label is not among the classes.
    #[error(
        "expected labels below {classes} ({classes} classes with the background), found label {label}; describe it in `classes.txt` or `dataset.json`, or correct the label map"
    )]
    LabelOutOfRange {
        /// The largest label found.
        label: u8,
        /// The number of classes, background included.
        classes: usize,
    },
    /// An error about what a file holds.
    #[error("`{file}`: {source}")]
    InFile {
        /// The file.
        file: String,
        /// What is wrong in it.
        source: Box<DataError>,
    },
    /// An image and its label map have different shapes.
    #[error(
        "expected an image and a label map of one shape, found `{image}` of {image_shape:?} and `{label}` of {label_shape:?}; check that both files belong to the same scan"
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
    },
    /// An image and its label map lie at different places in space.
    #[error(
        "expected one geometry for `{image}` and `{label}`, found affines that differ by up to {difference}; resample the label map onto the image, or copy the image's header if only the header is wrong"
    )]
    GeometryMismatch {
        /// The image file.
        image: String,
        /// The label file.
        label: String,
        /// The largest difference between entries of the two affines.
        difference: f64,
    },
    /// More labeled cases were asked for than there are, or none.
    #[error("{}", labeled_count(unit, *requested, *available))]
    LabeledCount {
        /// What is counted: "cases" or "patients".
        unit: &'static str,
        /// The number asked for.
        requested: usize,
        /// The number there are.
        available: usize,
    },
    /// A case to hold out is not among the training cases with a label map.
    #[error(
        "expected training cases with a label map, such as {known}, found `{id}`; correct the name or leave it out"
    )]
    UnknownCase {
        /// The name that was asked for.
        id: String,
        /// A few of the names there are.
        known: String,
    },
    /// Some cases of a patient are held out, and others train.
    #[error(
        "expected all cases of `{unit}` to be held out or none, found {held_out} held out and {training} not; list the missing too or remove the others: who is tested on must not train"
    )]
    SplitPatient {
        /// The patient.
        unit: String,
        /// The cases that are held out.
        held_out: String,
        /// The cases that are not.
        training: String,
    },
    /// A setting is out of its range.
    #[error("expected {name} to be {expected}, found {found}; change this setting")]
    InvalidSetting {
        /// The setting.
        name: &'static str,
        /// The values it may have.
        expected: String,
        /// The value it has.
        found: String,
    },
}

fn labeled_count(unit: &str, requested: usize, available: usize) -> String {
    match available {
        0 => format!(
            "expected at least one of the training {unit} to have a label map, found none; draw some"
        ),
        _ => format!(
            "expected a number of labeled {unit} (--labeled) from 1 to {available}, found {requested}; choose one in that range"
        ),
    }
}

impl DataError {
    /// Wraps a system error with the path and the action that failed.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }

    /// Something at `path` is not what it should be.
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

    /// Nothing is at `path`.
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
