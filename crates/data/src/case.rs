//! Cases, labeled and not, and the data sets they make up.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use crate::{DataError, LabelBudget, LabelMap, LabelValues, Volume, check_labels, io};

/// The order of a stored array's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisOrder {
    /// `[x, y, z]`.
    SlicesLast,
    /// `[z, x, y]`, as the field stores ACDC's validation volumes.
    SlicesFirst,
}

/// Where an array is stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// A NIfTI-1 file, `.nii` or `.nii.gz`, or an NRRD file.
    File(PathBuf),
    /// A label map in such a file whose voxels hold other values than the classes.
    MappedFile {
        /// The file.
        path: PathBuf,
        /// What its values stand for.
        values: LabelValues,
    },
    /// A three-dimensional data set in an HDF5 file.
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// The data set's name.
        dataset: String,
        /// Its order of axes.
        axes: AxisOrder,
        /// Distance between voxels in millimeters, which these files do not hold.
        spacing_mm: [f64; 3],
    },
    /// Two-dimensional data sets, one HDF5 file per slice, in slice order.
    Hdf5Slices {
        /// The files.
        paths: Vec<PathBuf>,
        /// The data set's name.
        dataset: String,
        /// Distance between voxels in millimeters, which these files do not hold.
        spacing_mm: [f64; 3],
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::MappedFile { path, .. } => write!(f, "{}", path.display()),
            Self::Hdf5 { path, dataset, .. } => write!(f, "{}:{dataset}", path.display()),
            Self::Hdf5Slices { paths, dataset, .. } => match paths.first() {
                Some(path) => write!(
                    f,
                    "{}:{dataset} and {} more slices",
                    path.display(),
                    paths.len() - 1
                ),
                None => write!(f, "no slices:{dataset}"),
            },
        }
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// An image with its label map.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
    /// The label map.
    pub label: Source,
}

/// An image without label map: whatever lies on the disk, there is no path to it.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
}

/// Entries of two affines that differ by less are taken as equal.
const GEOMETRY_TOLERANCE: f64 = 1e-3;

impl LabeledCase {
    /// Reads the image and the label map, whose labels must be below `classes`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and [`DataError::InFile`] around
    /// [`DataError::LabelOutOfRange`].
    pub fn load_checked(&self, classes: usize) -> Result<(Volume, LabelMap), DataError> {
        let (image, labels) = self.load()?;
        check_labels(&labels, classes).map_err(|source| DataError::InFile {
            file: self.label.to_string(),
            source: Box::new(source),
        })?;
        Ok((image, labels))
    }

    /// Reads the image and the label map.
    ///
    /// # Errors
    ///
    /// What reading either file gives, [`DataError::ShapeMismatch`], and
    /// [`DataError::GeometryMismatch`] when the affines differ by more than 1e-3.
    pub fn load(&self) -> Result<(Volume, LabelMap), DataError> {
        let image = io::read_image(&self.image)?;
        let label = io::read_label(&self.label)?;
        if image.shape() != label.shape() {
            return Err(DataError::ShapeMismatch {
                image: self.image.to_string(),
                image_shape: image.shape(),
                label: self.label.to_string(),
                label_shape: label.shape(),
            });
        }
        let difference = image.geometry.max_difference(&label.geometry);
        if difference > GEOMETRY_TOLERANCE {
            let (image, label) = (self.image.to_string(), self.label.to_string());
            return Err(DataError::GeometryMismatch {
                image,
                label,
                difference,
            });
        }
        Ok((image, label))
    }

    /// The case without its label map.
    #[must_use]
    pub fn into_unlabeled(self) -> UnlabeledCase {
        UnlabeledCase {
            id: self.id,
            image: self.image,
        }
    }
}

impl UnlabeledCase {
    /// Reads the image.
    ///
    /// # Errors
    ///
    /// What reading the file gives.
    pub fn load(&self) -> Result<Volume, DataError> {
        io::read_image(&self.image)
    }
}

/// What keeps its labels or loses them, and is held out or not, as a whole.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    /// Its plural, for messages.
    pub name: &'static str,
    /// The unit that a case belongs to.
    pub of: fn(&str) -> &str,
}

impl Unit {
    /// Every case by itself.
    pub const CASE: Self = Self {
        name: "cases",
        of: |id| id,
    };
}

/// So many names are listed in a message.
const KNOWN_CASES: usize = 3;

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn cannot_hold_out(n: usize, available: usize) -> DataError {
    DataError::InvalidSetting {
        name: "the number of cases held out",
        expected: format!("below the {available} labeled cases"),
        found: n.to_string(),
    }
}

/// A data set: which cases train with labels, which without, which are tested on.
///
/// # Examples
///
/// ```
/// use semivox_data::{Dataset, LabeledCase, Source};
///
/// let case = |id: &str| LabeledCase {
///     id: id.into(),
///     image: Source::File(format!("images/{id}.nii.gz").into()),
///     label: Source::File(format!("labels/{id}.nii.gz").into()),
/// };
/// let dataset = Dataset {
///     name: "example".into(),
///     classes: vec!["background".into(), "organ".into()],
///     labeled: vec![case("a"), case("b"), case("c")],
///     unlabeled: vec![],
///     test: vec![],
/// };
/// let dataset = dataset.keep_labeled(1)?;
/// assert_eq!(dataset.labeled[0].id, "a");
/// assert_eq!(dataset.unlabeled[1].id, "c");
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name for reports.
    pub name: String,
    /// Names of the classes, the background first; the position is the label.
    pub classes: Vec<String>,
    /// Training cases with a label map.
    pub labeled: Vec<LabeledCase>,
    /// Training cases without.
    pub unlabeled: Vec<UnlabeledCase>,
    /// Cases held out for evaluation.
    pub test: Vec<LabeledCase>,
}

impl Dataset {
    /// Keeps the first `n` labeled cases and takes the labels of the others
    /// away, before anything is read. They come first among the unlabeled cases.
    ///
    /// # Errors
    ///
    /// [`DataError::LabeledCount`] when `n` is 0 or above the number of labeled cases.
    pub fn keep_labeled(self, n: usize) -> Result<Self, DataError> {
        self.keep_labeled_units(n.into(), Unit::CASE)
    }

    /// As [`keep_labeled`](Self::keep_labeled), by units of one or more cases,
    /// which keep or lose their labels together.
    pub(crate) fn keep_labeled_units(
        mut self,
        labeled: LabelBudget,
        unit: Unit,
    ) -> Result<Self, DataError> {
        let mut seen = HashSet::new();
        let mut units: Vec<&str> = self
            .labeled
            .iter()
            .map(|case| (unit.of)(&case.id))
            .collect();
        units.retain(|name| seen.insert(*name));
        let (available, requested) = (units.len(), labeled.count_of(units.len()));
        if requested == 0 || requested > available {
            return Err(DataError::LabeledCount {
                unit: unit.name,
                requested,
                available,
            });
        }
        let kept: HashSet<String> = units[..requested].iter().map(ToString::to_string).collect();
        let (labeled, rest): (Vec<_>, Vec<_>) = self
            .labeled
            .into_iter()
            .partition(|case| kept.contains((unit.of)(&case.id)));
        self.labeled = labeled;
        let rest = rest.into_iter().map(LabeledCase::into_unlabeled);
        self.unlabeled = rest.chain(self.unlabeled).collect();
        Ok(self)
    }

    /// Holds the labeled cases of these names out to test on. They come last
    /// among the test cases, in the order of `names`; cases that are held out
    /// already stay so.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownCase`] with the first name that no labeled case has,
    /// [`DataError::InvalidSetting`] unless at least one labeled case remains.
    ///
    /// # Examples
    ///
    /// ```
    /// # use semivox_data::{Dataset, LabeledCase, Source};
    /// # let case = |id: &str| LabeledCase {
    /// #     id: id.into(),
    /// #     image: Source::File("image.nii".into()),
    /// #     label: Source::File("label.nii".into()),
    /// # };
    /// # let labeled = vec![case("a"), case("b"), case("c")];
    /// # let dataset = Dataset { name: "x".into(), classes: vec![], labeled, unlabeled: vec![], test: vec![] };
    /// let dataset = dataset.hold_out(&["b"])?;
    /// assert_eq!((dataset.labeled.len(), dataset.test[0].id.as_str()), (2, "b"));
    /// let message = dataset.hold_out(&["z"]).unwrap_err().to_string();
    /// assert!(message.contains("`z`") && message.contains("`a`, `c`"));
    /// # Ok::<(), semivox_data::DataError>(())
    /// ```
    pub fn hold_out(self, names: &[impl AsRef<str>]) -> Result<Self, DataError> {
        self.hold_out_units(names, Unit::CASE)
    }

    /// As [`hold_out`](Self::hold_out), and refuses to part a unit of several cases.
    pub(crate) fn hold_out_units(
        mut self,
        names: &[impl AsRef<str>],
        unit: Unit,
    ) -> Result<Self, DataError> {
        let available = self.labeled.len();
        for name in names.iter().map(AsRef::as_ref) {
            match self.labeled.iter().position(|case| case.id == name) {
                Some(at) => self.test.push(self.labeled.remove(at)),
                None if self.test.iter().any(|case| case.id == name) => {}
                None => return Err(self.unknown_case(name)),
            }
        }
        self.refuse_parted(unit)?;
        if self.labeled.is_empty() {
            return Err(cannot_hold_out(available, available));
        }
        Ok(self)
    }

    /// Refuses a unit of which some cases are held out and others train, with or without labels.
    pub(crate) fn refuse_parted(&self, unit: Unit) -> Result<(), DataError> {
        let tested = || self.test.iter().map(|case| case.id.as_str());
        let unlabeled = self.unlabeled.iter().map(|case| case.id.as_str());
        let training = self.labeled.iter().map(|case| case.id.as_str());
        let mut training = training.chain(unlabeled);
        let held_out: HashSet<&str> = tested().map(unit.of).collect();
        let Some(first) = training.find(|id| held_out.contains((unit.of)(id))) else {
            return Ok(());
        };
        let whole = (unit.of)(first);
        let of_it = |id: &&str| (unit.of)(id) == whole;
        Err(DataError::SplitPatient {
            unit: whole.into(),
            held_out: listed(tested().filter(of_it)),
            training: listed(std::iter::once(first).chain(training.filter(of_it))),
        })
    }

    fn unknown_case(&self, name: &str) -> DataError {
        let known = self.labeled.iter().take(KNOWN_CASES);
        DataError::UnknownCase {
            id: name.into(),
            known: match self.labeled.is_empty() {
                true => "there is none".into(),
                false => listed(known.map(|case| case.id.as_str())),
            },
        }
    }

    /// Holds the last `n` labeled cases out to test on, for data sets that come
    /// without a split. They come last among the test cases.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] unless at least one labeled case remains.
    ///
    /// # Examples
    ///
    /// ```
    /// # use semivox_data::{Dataset, LabeledCase, Source};
    /// # let case = |id: &str| LabeledCase {
    /// #     id: id.into(),
    /// #     image: Source::File("image.nii".into()),
    /// #     label: Source::File("label.nii".into()),
    /// # };
    /// # let labeled = vec![case("a"), case("b"), case("c")];
    /// # let dataset = Dataset { name: "x".into(), classes: vec![], labeled, unlabeled: vec![], test: vec![] };
    /// let dataset = dataset.hold_out_last(1)?;
    /// assert_eq!((dataset.labeled.len(), dataset.test[0].id.as_str()), (2, "c"));
    /// assert!(dataset.hold_out_last(2).is_err());
    /// # Ok::<(), semivox_data::DataError>(())
    /// ```
    pub fn hold_out_last(mut self, n: usize) -> Result<Self, DataError> {
        let available = self.labeled.len();
        if n >= available {
            return Err(cannot_hold_out(n, available));
        }
        self.test.extend(self.labeled.split_off(available - n));
        Ok(self)
    }
}
