//! Typical sizes and intensities of a data set, from which settings are chosen.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::mirroring::shares_on_the_right;
use crate::preprocess::Grid;
use crate::{DataError, IGNORED, LabelMap, LabeledCase, Mirroring, Orientation, Volume};
use sizes::{Sizes, across_slices, commonest, is_stack, median};

mod sizes;

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
        Self::read_reporting(cases, classes, &|_, _| {})
    }

    /// Reads the cases as [`read`](Self::read) does, and calls `progress` with the number of cases that are read and that of
    /// all, from any thread and perhaps out of order.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_reporting(
        cases: &[LabeledCase],
        classes: &[String],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, DataError> {
        if cases.is_empty() {
            return Err(DataError::LabeledCount {
                requested: 1,
                available: 0,
                unit: "cases",
            });
        }
        let done = AtomicUsize::new(0);
        let read = |case| {
            let found = OfCase::read(case, classes.len());
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, cases.len());
            found
        };
        let found: Result<Vec<OfCase>, DataError> = cases.par_iter().map(read).collect();
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
        let told = std::sync::Mutex::new(Vec::new());
        let report = |done, total| told.lock().unwrap().push((done, total));
        Survey::read_reporting(&dataset.labeled, &dataset.classes, &report).unwrap();
        let mut told = told.into_inner().unwrap();
        told.sort_unstable();
        assert_eq!(told, [(1, 3), (2, 3), (3, 3)]);
    }
}
