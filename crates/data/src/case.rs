//! Labeled and unlabeled cases, and data sets made of them.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use crate::layout::Layout;
use crate::preprocess::Grid;
use crate::unit::Unit;
use crate::{DataError, LabelBudget, LabelMap, LabelValues, Volume, check_labels, io};

/// Axis order of a stored array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisOrder {
    /// `[x, y, z]`.
    SlicesLast,
    /// `[z, x, y]`, the order of ACDC's validation volumes in the field's HDF5 files.
    SlicesFirst,
}

/// Storage location of an array.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// A NIfTI-1 file, `.nii` or `.nii.gz`, or an NRRD file.
    File(PathBuf),
    /// A label map in such a file whose voxel values are not the class indices.
    MappedFile {
        /// The file.
        path: PathBuf,
        /// The mapping from values to classes.
        values: LabelValues,
    },
    /// A three-dimensional dataset in an HDF5 file.
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// Name of the HDF5 dataset.
        dataset: String,
        /// Its axis order.
        axes: AxisOrder,
        /// Voxel spacing in millimeters, which these files do not store.
        spacing_mm: [f64; 3],
    },
    /// Two-dimensional datasets, one HDF5 file per slice, in slice order.
    Hdf5Slices {
        /// The files.
        paths: Vec<PathBuf>,
        /// Name of the HDF5 dataset.
        dataset: String,
        /// Voxel spacing in millimeters, which these files do not store.
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

/// An image with a label map.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
    /// The label map.
    pub label: Source,
}

/// An image without a label map; even if one is on disk, there is no path to it.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
}

/// The distance of corresponding corner voxels, in voxels, up to which two grids are the same.
///
/// Other programs round the affine to a few digits, or store it as a rotation in 32 bits, which moves the corners of a
/// large volume by a tenth of a voxel and more. From half a voxel on, each label would belong to a neighbor.
const SAME_GRID_VOXELS: f64 = 0.25;

/// Returns an error unless an image and a label map, of these names, have one shape and, up to rounding, geometry.
pub(crate) fn check_same_grid(
    image: &Volume,
    labels: &LabelMap,
    [image_name, label_name]: [String; 2],
) -> Result<(), DataError> {
    if image.shape() != labels.shape() {
        return Err(DataError::ShapeMismatch {
            image: image_name,
            image_shape: image.shape(),
            label: label_name,
            label_shape: labels.shape(),
            start: start_of_part(labels, &Grid::from(image)),
        });
    }
    let distance = image
        .geometry
        .corner_distance(&labels.geometry, image.shape());
    match distance <= SAME_GRID_VOXELS {
        true => Ok(()),
        false => Err(DataError::GeometryMismatch {
            image: image_name,
            label: label_name,
            distance,
        }),
    }
}

/// The voxel of a grid at which a label map begins that covers a part of it, voxel by voxel.
fn start_of_part(labels: &LabelMap, grid: &Grid) -> Option<[u32; 3]> {
    let shape = labels.shape();
    let start = Grid::from(labels)
        .index_map(grid)
        .ok()?
        .map(|row| row[3].round());
    let inside = |axis: usize| {
        start[axis] >= 0.0 && start[axis] + shape[axis] as f64 <= grid.shape[axis] as f64
    };
    let part = grid.geometry.translated(start);
    let on_it = part.corner_distance(&labels.geometry, shape) <= SAME_GRID_VOXELS;
    (on_it && (0..3).all(inside)).then(|| start.map(|index| index as u32))
}

impl LabeledCase {
    /// Reads the image and the label map and checks that labels are below `classes`.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load), and [`DataError::InFile`] around [`DataError::LabelOutOfRange`].
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
    /// Errors from reading either file, [`DataError::ShapeMismatch`], and
    /// [`DataError::GeometryMismatch`] if corresponding corner voxels are more than a quarter of a voxel apart.
    pub fn load(&self) -> Result<(Volume, LabelMap), DataError> {
        let image = io::read_image(&self.image)?;
        let label = io::read_label(&self.label)?;
        let names = [&self.image, &self.label].map(ToString::to_string);
        check_same_grid(&image, &label, names)?;
        Ok((image, label))
    }

    /// Converts to an unlabeled case by dropping the label map.
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
    /// Errors from reading the file.
    pub fn load(&self) -> Result<Volume, DataError> {
        io::read_image(&self.image)
    }
}

/// Maximum number of names listed in a message.
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

/// A data set: labeled and unlabeled training cases, and test cases.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::Layout;
/// use semivox_data::{Dataset, LabeledCase, Source};
///
/// let case = |id: &str| LabeledCase {
///     id: id.into(),
///     image: Source::File(format!("images/{id}.nii.gz").into()),
///     label: Source::File(format!("labels/{id}.nii.gz").into()),
/// };
/// let dataset = Dataset {
///     name: "example".into(),
///     layout: Layout::Folder,
///     classes: vec!["background".into(), "organ".into()],
///     labeled: vec![case("a"), case("b"), case("c")],
///     unlabeled: vec![],
///     test: vec![],
///     notes: vec![],
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
    /// Folder layout that it was read from.
    pub layout: Layout,
    /// Names of the classes, starting with the background; the index is the label.
    pub classes: Vec<String>,
    /// Training cases with a label map.
    pub labeled: Vec<LabeledCase>,
    /// Training cases without a label map.
    pub unlabeled: Vec<UnlabeledCase>,
    /// Cases held out for evaluation.
    pub test: Vec<LabeledCase>,
    /// What a person should know about how the folder was understood, a sentence each: entries that were passed over,
    /// with the reason, and guesses.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Keeps the first `n` labeled cases and drops the labels of the others, before any file is read.
    ///
    /// Cases that lose their labels are placed first among the unlabeled cases.
    ///
    /// # Errors
    ///
    /// [`DataError::LabeledCount`] if `n` is 0 or above the number of labeled cases.
    pub fn keep_labeled(self, n: usize) -> Result<Self, DataError> {
        self.keep_labeled_units(n.into(), Unit::CASE)
    }

    /// Like [`keep_labeled`](Self::keep_labeled), for units of one or more cases that keep or lose their
    /// labels together.
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

    /// Moves the labeled cases with these names to the test cases.
    ///
    /// They are appended to the test cases in the order of `names`; names of present test cases have no effect.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownCase`] with the first name that is not a labeled case,
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
    /// # let dataset = Dataset { name: "x".into(), layout: semivox_data::layout::Layout::Folder, classes: vec![], labeled, unlabeled: vec![], test: vec![], notes: vec![] };
    /// let dataset = dataset.hold_out(&["b"])?;
    /// assert_eq!((dataset.labeled.len(), dataset.test[0].id.as_str()), (2, "b"));
    /// let message = dataset.hold_out(&["z"]).unwrap_err().to_string();
    /// assert!(message.contains("`z`") && message.contains("`a`, `c`"));
    /// # Ok::<(), semivox_data::DataError>(())
    /// ```
    pub fn hold_out(self, names: &[impl AsRef<str>]) -> Result<Self, DataError> {
        self.hold_out_units(names, Unit::CASE)
    }

    /// Like [`hold_out`](Self::hold_out), but fails if a unit of several cases would be split.
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

    /// Returns an error if some cases of a unit are held out and others are used for training.
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

    /// Moves the last `n` labeled cases to the test cases, for data sets without a predefined split.
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
    /// # let dataset = Dataset { name: "x".into(), layout: semivox_data::layout::Layout::Folder, classes: vec![], labeled, unlabeled: vec![], test: vec![], notes: vec![] };
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
