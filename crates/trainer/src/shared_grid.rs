//! Orientation and voxel spacing that all training scans share, kept as settings for scans that do not.

use semivox_data::Orientation;
use semivox_data::preprocess::Preprocessed;

use crate::config::{DataConfig, RunConfig};
use crate::data_config::FromScans;
use crate::rounding::shortest;
use crate::training_set::TrainingSet;

/// Returns the settings with the orientation and the spacing of the training scans, where settings leave them as they
/// are in the files and all files have the same.
///
/// The training scans stay what they are. Other scans, for which the network would otherwise silently be used turned or
/// at another size, are brought to theirs. Nothing is kept of files that do not say which side is left, such as HDF5,
/// whose position is a guess.
pub(crate) fn with_shared_grid(mut config: RunConfig, set: &TrainingSet) -> RunConfig {
    let labeled = set.labeled.iter().map(|case| &case.scan);
    let unlabeled = set.unlabeled.iter().map(|case| &case.scan);
    let scans: Vec<&Preprocessed> = labeled.chain(unlabeled).collect();
    let known = |scan: &&Preprocessed| scan.header.as_ref().is_some_and(|h| h.knows_sides());
    if !scans.iter().all(known) {
        return config;
    }
    let data = &mut config.data;
    if data.preprocess.orientation.is_none()
        && let Some(orientation) = shared_orientation(&scans)
    {
        data.preprocess.orientation = Some(orientation);
        data.from_scans.push(FromScans::Orientation);
    }
    // Of scans in several orientations the axes of one are not those of another.
    let resampled = data.preprocess.spacing_mm.is_some() || data.preprocess.slice_size.is_some();
    if !resampled
        && data.preprocess.orientation.is_some()
        && let Some(spacing) = shared_spacing(&scans)
    {
        data.preprocess.spacing_mm = Some(spacing);
        data.from_scans.push(FromScans::SpacingMm);
    }
    config
}

/// Completes settings by what the run of the settings `stored` took from its scans, unless they name it.
pub(crate) fn complete(wanted: &mut DataConfig, stored: &DataConfig) {
    for taken in &stored.from_scans {
        let (wanted, stored) = (&mut wanted.preprocess, &stored.preprocess);
        match taken {
            FromScans::Orientation if wanted.orientation.is_none() => {
                wanted.orientation = stored.orientation;
            }
            FromScans::SpacingMm if wanted.spacing_mm.is_none() && wanted.slice_size.is_none() => {
                wanted.spacing_mm = stored.spacing_mm;
            }
            FromScans::Orientation | FromScans::SpacingMm => (),
        }
    }
    wanted.from_scans.clone_from(&stored.from_scans);
}

/// Returns the orientation of the files, if it is the same.
fn shared_orientation(scans: &[&Preprocessed]) -> Option<Orientation> {
    let mut found = scans
        .iter()
        .map(|scan| Orientation::of(&scan.source.geometry));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// Returns the spacing of the prepared scans, along the axes that they were turned to, if it is the same.
fn shared_spacing(scans: &[&Preprocessed]) -> Option<[f64; 3]> {
    let mut found = scans.iter().map(|scan| scan.image.spacing());
    let first = scans.first()?.image.spacing().map(shortest);
    // What resampling takes for the same spacing.
    let same = |other: [f64; 3]| (0..3).all(|axis| (first[axis] / other[axis] - 1.0).abs() < 1e-6);
    found.all(same).then_some(first)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presets::Task;
    use ndarray::Array3;
    use semivox_data::io::{write_labels, write_volume};
    use semivox_data::preprocess::Preprocess;
    use semivox_data::{Geometry, LabelBudget, LabelMap, Reorientation, Volume, layout};

    /// The grids of two scans, as orientation of the file and spacing in RAS.
    type Grids<'a> = [(&'a str, [f64; 3]); 2];

    /// Reads two scans with these grids by the settings; an orientation of `?` has neither sform nor qform.
    fn read(grids: Grids<'_>, preprocess: &Preprocess) -> TrainingSet {
        let root = tempfile::tempdir().unwrap();
        for (number, (letters, spacing)) in grids.into_iter().enumerate() {
            let geometry = Geometry::from_spacing(spacing);
            let turn = match letters {
                "?" => Reorientation::NONE,
                _ => Orientation::of(&geometry).reorientation_to(letters.parse().unwrap()),
            };
            let value = |(x, y, z)| (x + 2 * y + 3 * z + number) as f32;
            let image = Volume::new(Array3::from_shape_fn((6, 5, 4), value), geometry);
            let labels = LabelMap::new(image.data.mapv(|x| u8::from(x > 9.0)), geometry);
            let file = |kind: &str| {
                let folder = root.path().join(kind);
                std::fs::create_dir_all(&folder).unwrap();
                folder.join(format!("case{number}.nii"))
            };
            write_volume(file("images"), &turn.volume(&image)).unwrap();
            write_labels(file("labels"), &turn.labels(&labels)).unwrap();
            if letters == "?" {
                for kind in ["images", "labels"] {
                    let mut bytes = std::fs::read(file(kind)).unwrap();
                    bytes[252..256].fill(0);
                    std::fs::write(file(kind), bytes).unwrap();
                }
            }
        }
        let dataset = layout::open_labeled(root.path(), LabelBudget::Count(2)).unwrap();
        TrainingSet::load(&dataset, preprocess, &()).unwrap()
    }

    /// Returns what is kept of two scans under settings for orientation and spacing.
    fn kept(
        grids: Grids<'_>,
        orientation: Option<&str>,
        spacing_mm: Option<[f64; 3]>,
    ) -> (Option<String>, Option<[f64; 3]>, Vec<FromScans>) {
        let mut config = Task::Hippocampus.preset("quick", "supervised").unwrap();
        let preprocess = &mut config.data.preprocess;
        preprocess.orientation = orientation.map(|letters| letters.parse().unwrap());
        preprocess.spacing_mm = spacing_mm;
        let set = read(grids, &config.data.preprocess);
        let found = with_shared_grid(config, &set).data;
        // The training scans are as they were.
        let again = read(grids, &found.preprocess);
        for (before, after) in set.labeled.iter().zip(&again.labeled) {
            assert_eq!(
                before.scan.image.first().data,
                after.scan.image.first().data
            );
        }
        let preprocess = found.preprocess;
        let letters = preprocess.orientation.map(|o| o.to_string());
        (letters, preprocess.spacing_mm, found.from_scans)
    }

    #[test]
    fn what_all_scans_share_is_kept_along_the_axes_of_training() {
        use FromScans::{Orientation, SpacingMm};
        let thick = [1.0, 1.0, 4.0];
        let both = |letters| [(letters, thick), (letters, thick)];
        let some = |letters: &str| Some(letters.to_string());
        for (grids, orientation, spacing, expected) in [
            (
                both("RAS"),
                None,
                None,
                (some("RAS"), Some(thick), vec![Orientation, SpacingMm]),
            ),
            (
                both("LPS"),
                None,
                Some([2.0; 3]),
                (some("LPS"), Some([2.0; 3]), vec![Orientation]),
            ),
            // Files of 1×1×4 mm, turned.
            (
                both("RAS"),
                Some("SRA"),
                None,
                (some("SRA"), Some([4.0, 1.0, 1.0]), vec![SpacingMm]),
            ),
            // Turned to one orientation, files in several share a spacing.
            (
                [("RAS", thick), ("SRA", thick)],
                Some("RAS"),
                None,
                (some("RAS"), Some(thick), vec![SpacingMm]),
            ),
            (
                [("RAS", thick), ("LAS", thick)],
                None,
                None,
                (None, None, vec![]),
            ),
            (
                [("RAS", thick), ("RAS", [1.0, 1.0, 5.0])],
                None,
                None,
                (some("RAS"), None, vec![Orientation]),
            ),
            (
                [("RAS", thick), ("?", thick)],
                None,
                None,
                (None, None, vec![]),
            ),
            // Rounding of headers is no difference.
            (
                [("RAS", [f64::from(0.7_f32); 3]), ("RAS", [0.7; 3])],
                None,
                None,
                (some("RAS"), Some([0.7; 3]), vec![Orientation, SpacingMm]),
            ),
        ] {
            assert_eq!(
                kept(grids, orientation, spacing),
                expected,
                "{grids:?} {orientation:?}"
            );
        }
    }

    #[test]
    fn settings_are_completed_by_what_was_taken_from_scans_alone() {
        let plain = Task::Hippocampus.preset("quick", "supervised").unwrap();
        let mut stored = plain.clone();
        stored.data.preprocess.orientation = Some("LPS".parse().unwrap());
        stored.data.preprocess.spacing_mm = Some([2.0; 3]);
        // The settings of the earlier run named both.
        assert_ne!(plain.clone().completed(&stored), stored);
        stored.data.from_scans = vec![FromScans::Orientation, FromScans::SpacingMm];
        assert_eq!(plain.clone().completed(&stored), stored);
        let mut other = plain;
        other.data.preprocess.spacing_mm = Some([1.0; 3]);
        assert_ne!(other.completed(&stored), stored);
    }
}
