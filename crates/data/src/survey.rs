//! Typical sizes and intensities of a data set, from which settings are chosen.

use rayon::prelude::*;

use crate::mirroring::shares_on_the_right;
use crate::preprocess::Grid;
use crate::{DataError, IGNORED, LabelMap, LabeledCase, Mirroring, Orientation, Volume};

/// Typical sizes and intensities of a data set's labeled scans.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The most common orientation, the first one in a tie, with the axis across thick or few slices moved to the end.
    /// All sizes refer to scans reoriented to it.
    pub orientation: Orientation,
    /// Median number of voxels along each axis.
    pub shape: [usize; 3],
    /// Median voxel spacing in millimeters.
    pub spacing_mm: [f64; 3],
    /// Median length along each axis in millimeters: not the product of the two, where scans of one field of view have
    /// different matrices.
    pub extent_mm: [f64; 3],
    /// Typical intensities of each channel.
    pub channels: Vec<ChannelSurvey>,
    /// Whether scans may be mirrored from left to right.
    pub mirroring: Mirroring,
}

/// Typical intensities of one channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelSurvey {
    /// Median of the scans' minimum intensities: far below 0 only in CT.
    pub lowest: f32,
    /// The 0.5th and 99.5th percentile of the intensities of labeled voxels; `None` without any.
    pub foreground: Option<[f32; 2]>,
}

impl ChannelSurvey {
    /// Returns whether intensities appear to be Hounsfield units: air is near −1,000.
    pub fn looks_like_ct(&self) -> bool {
        self.lowest < -200.0
    }
}

/// Intensities of one channel, collected case by case.
#[derive(Default)]
struct Gathered {
    lowest: Vec<f32>,
    foreground: Vec<f32>,
}

impl Gathered {
    /// Returns the intensities of one case.
    fn of(channel: &Volume, labels: &LabelMap) -> Self {
        let values = channel.data.iter().copied();
        let voxels = channel.data.iter().zip(&labels.data);
        let drawn = |label: u8| label > 0 && label != IGNORED;
        let labeled = voxels.filter(|&(_, &label)| drawn(label)).map(|(&x, _)| x);
        let every = labeled.clone().count().div_ceil(MOST_OF_A_CASE).max(1);
        Self {
            lowest: vec![values.fold(f32::INFINITY, f32::min)],
            foreground: labeled.step_by(every).collect(),
        }
    }

    fn append(&mut self, mut other: Self) {
        self.lowest.append(&mut other.lowest);
        self.foreground.append(&mut other.foreground);
    }

    fn survey(mut self) -> ChannelSurvey {
        self.foreground.sort_by(f32::total_cmp);
        let last = self.foreground.len().checked_sub(1);
        let percentile = |share: f64, last: usize| self.foreground[(share * last as f64) as usize];
        ChannelSurvey {
            lowest: median(self.lowest),
            foreground: last.map(|last| [percentile(0.005, last), percentile(0.995, last)]),
        }
    }
}

/// Maximum number of labeled voxels sampled per case, enough for percentiles.
const MOST_OF_A_CASE: usize = 100_000;

/// What a survey takes from one case.
struct OfCase {
    grid: Grid,
    /// The share of each class on the right of the scan.
    on_the_right: Vec<Option<f64>>,
    channels: Vec<Gathered>,
}

impl OfCase {
    fn read(case: &LabeledCase, classes: usize) -> Result<Self, DataError> {
        let (image, labels) = case.load_checked(classes)?;
        let channels = image.channels().iter();
        Ok(Self {
            grid: Grid::from(image.first()),
            on_the_right: shares_on_the_right(&labels, classes),
            channels: channels
                .map(|channel| Gathered::of(channel, &labels))
                .collect(),
        })
    }
}

impl Survey {
    /// Reads the labeled cases of a data set with classes of these names, the background first.
    ///
    /// # Errors
    ///
    /// An error in a file, with its name; [`DataError::LabeledCount`] without cases.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::phantom::{PhantomConfig, PhantomKind, write_dataset};
    /// use semivox_data::{LabelBudget, Survey, layout};
    ///
    /// let root = tempfile::tempdir()?;
    /// let config = PhantomConfig {
    ///     shape: [24, 24, 16],
    ///     shape_jitter: [0; 3],
    ///     ..PhantomConfig::of(PhantomKind::Abdomen)
    /// };
    /// write_dataset(root.path(), 2, 0, &config)?;
    /// let dataset = layout::open_labeled(root.path(), LabelBudget::Count(2))?;
    /// let survey = Survey::read(&dataset.labeled, &dataset.classes)?;
    /// assert_eq!((survey.shape, survey.spacing_mm), ([24, 24, 16], [2.0; 3]));
    /// assert!(survey.channels[0].looks_like_ct());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(cases: &[LabeledCase], classes: &[String]) -> Result<Self, DataError> {
        if cases.is_empty() {
            return Err(DataError::LabeledCount {
                requested: 1,
                available: 0,
                unit: "cases",
            });
        }
        let found: Result<Vec<OfCase>, DataError> = (cases.par_iter())
            .map(|case| OfCase::read(case, classes.len()))
            .collect();
        let mut grids = Vec::new();
        let mut channels: Vec<Gathered> = Vec::new();
        let mut shares = vec![Vec::new(); classes.len()];
        for of_case in found? {
            for (of_class, share) in shares.iter_mut().zip(of_case.on_the_right) {
                of_class.extend(share);
            }
            grids.push(of_case.grid);
            channels.resize_with(of_case.channels.len(), Gathered::default);
            for (gathered, channel) in channels.iter_mut().zip(of_case.channels) {
                gathered.append(channel);
            }
        }
        let stored = commonest(&grids);
        let orientation = match across_slices(&Sizes::of(&grids, stored)) {
            Some(axis) => stored.with_last(axis),
            None => stored,
        };
        let Sizes {
            shape,
            spacing_mm,
            extent_mm,
        } = Sizes::of(&grids, orientation);
        let on_the_right = shares
            .into_iter()
            .map(|of_class| (!of_class.is_empty()).then(|| median(of_class)));
        let mirroring = Mirroring::new(classes, &on_the_right.collect::<Vec<_>>());
        Ok(Self {
            mirroring,
            orientation,
            shape,
            spacing_mm,
            extent_mm,
            channels: channels.into_iter().map(Gathered::survey).collect(),
        })
    }

    /// Returns whether slices are so thick or so few that 2D processing is preferable: voxels three times as long
    /// along the last axis as along the others, or fewer than 16 slices.
    pub fn is_stack_of_slices(&self) -> bool {
        is_stack(self.shape, self.spacing_mm)
    }
}

/// Median sizes of scans along each axis.
struct Sizes {
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    extent_mm: [f64; 3],
}

impl Sizes {
    /// Returns the sizes of scans that are reoriented to `orientation`.
    fn of(grids: &[Grid], orientation: Orientation) -> Self {
        let turned = |grid: &Grid| {
            let turn = Orientation::of(&grid.geometry).reorientation_to(orientation);
            let grid = turn.grid(grid);
            (grid.shape, grid.geometry.spacing())
        };
        let turned: Vec<([usize; 3], [f64; 3])> = grids.iter().map(turned).collect();
        let of = |a: usize| turned.iter().map(move |(sides, mm)| (sides[a], mm[a]));
        Self {
            shape: std::array::from_fn(|a| median(of(a).map(|(side, _)| side).collect())),
            spacing_mm: std::array::from_fn(|a| median(of(a).map(|(_, mm)| mm).collect())),
            extent_mm: std::array::from_fn(|a| {
                median(of(a).map(|(side, mm)| side as f64 * mm).collect())
            }),
        }
    }
}

/// Returns whether slices along the last of three axes are thick or few: voxels three times as long along it as along the
/// others, or fewer than 16 slices.
fn is_stack(shape: [usize; 3], [x, y, z]: [f64; 3]) -> bool {
    shape[2] < 16 || z >= 3.0 * x.max(y)
}

/// Returns the axis, other than the last, across which slices are thick or few; the last one has precedence, then the one
/// with the thickest voxels.
fn across_slices(sizes: &Sizes) -> Option<usize> {
    let (shape, mm) = (sizes.shape, sizes.spacing_mm);
    let last = |axis: usize| {
        let [a, b] = [[1, 2], [0, 2], [0, 1]][axis];
        is_stack([shape[a], shape[b], shape[axis]], [mm[a], mm[b], mm[axis]])
    };
    let stacked = [0, 1].into_iter().filter(|&axis| last(axis));
    match last(2) {
        true => None,
        false => stacked.max_by(|&a, &b| mm[a].total_cmp(&mm[b])),
    }
}

/// Returns the most common orientation of the grids, the first one in a tie.
fn commonest(grids: &[Grid]) -> Orientation {
    let all: Vec<Orientation> = grids
        .iter()
        .map(|grid| Orientation::of(&grid.geometry))
        .collect();
    let count = |wanted: &Orientation| all.iter().filter(|&found| found == wanted).count();
    // In a tie, `max_by_key` returns the last.
    let most = all
        .iter()
        .rev()
        .max_by_key(|&orientation| count(orientation));
    *most.expect("at least one grid")
}

/// Returns the upper median of comparable values.
fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    let half = values.len() / 2;
    let compare = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
    *values.select_nth_unstable_by(half, compare).1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::io::{write_labels, write_volume};
    use crate::{Geometry, LabelBudget, layout};
    use ndarray::Array3;

    #[test]
    fn medians_and_percentiles_are_those_of_the_labeled_cases() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["images", "labels"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        for (name, side, thickness) in [("a", 20, 4.0), ("b", 30, 5.0), ("c", 40, 6.0)] {
            let geometry = Geometry::from_spacing([1.0, 1.0, thickness]);
            let image = Array3::from_shape_fn((side, 20, 8), |(x, ..)| x as f32);
            let labels = image.mapv(|x| u8::from(x < 10.0));
            let file = |folder: &str| root.path().join(format!("{folder}/{name}.nii.gz"));
            write_volume(file("images"), &Volume::new(image, geometry)).unwrap();
            write_labels(file("labels"), &LabelMap::new(labels, geometry)).unwrap();
        }
        // One of them is stored in another orientation.
        let file = |folder: &str| root.path().join(format!("{folder}/c.nii.gz"));
        let image = crate::io::read_volume(file("images")).unwrap();
        let labels = crate::io::read_labels(file("labels")).unwrap();
        let turn = Orientation::of(&image.geometry).reorientation_to("SLP".parse().unwrap());
        write_volume(file("images"), &turn.volume(&image)).unwrap();
        write_labels(file("labels"), &turn.labels(&labels)).unwrap();
        let dataset = layout::open_labeled(root.path(), LabelBudget::Count(3)).unwrap();
        let survey = Survey::read(&dataset.labeled, &dataset.classes).unwrap();
        let intensities = ChannelSurvey {
            lowest: 0.0,
            foreground: Some([0.0, 9.0]),
        };
        assert_eq!(
            (survey.shape, &survey.channels),
            ([30, 20, 8], &vec![intensities])
        );
        assert_eq!(survey.spacing_mm, [1.0, 1.0, 5.0]);
        assert_eq!(survey.orientation.to_string(), "RAS");
        assert!(survey.is_stack_of_slices() && !survey.channels[0].looks_like_ct());
        // All labels lie within the first ten voxels, on the left.
        assert_eq!(survey.mirroring, Mirroring::OneSided(1));
        assert!(Survey::read(&[], &dataset.classes).is_err());
    }

    fn grids(of: &[([usize; 3], [f64; 3])]) -> Vec<Grid> {
        let grid = |&(shape, mm)| Grid {
            shape,
            geometry: Geometry::from_spacing(mm),
        };
        of.iter().map(grid).collect()
    }

    #[test]
    fn an_extent_is_the_median_of_extents() {
        let mixed = grids(&[([128; 3], [1.0; 3]), ([64; 3], [2.0; 3])]);
        let sizes = Sizes::of(&mixed, commonest(&mixed));
        assert_eq!(sizes.extent_mm, [128.0; 3]);
    }

    /// The order of axes in a file changes nothing about the scans.
    #[test]
    fn the_axis_across_thick_or_few_slices_comes_last() {
        for (shape, mm, expected) in [
            ([15, 96, 128], [4.4, 0.7, 0.5], Some(0)),
            ([20, 128, 128], [5.0, 1.0, 1.0], Some(0)),
            ([128, 30, 128], [1.0, 5.0, 1.0], Some(1)),
            ([1, 128, 128], [5.0, 1.0, 1.0], Some(0)),
            ([216, 256, 10], [1.5, 1.5, 8.0], None),
            ([96, 128, 15], [0.7, 0.5, 4.4], None),
            ([35, 50, 35], [1.0; 3], None),
            ([256, 256, 160], [1.0; 3], None),
        ] {
            let one = grids(&[(shape, mm)]);
            let stored = commonest(&one);
            let found = across_slices(&Sizes::of(&one, stored));
            assert_eq!(found, expected, "{shape:?} {mm:?}");
            if let Some(axis) = found {
                let sizes = Sizes::of(&one, stored.with_last(axis));
                assert!(is_stack(sizes.shape, sizes.spacing_mm), "{shape:?}");
                assert_eq!(sizes.shape[2], shape[axis]);
            }
        }
        let stored: Orientation = "RAS".parse().unwrap();
        assert_eq!(stored.with_last(0).to_string(), "ASR");
        assert_eq!(stored.with_last(1).to_string(), "RSA");
    }
}
