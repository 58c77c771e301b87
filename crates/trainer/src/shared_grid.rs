//! Orientation and voxel spacing that all training scans share, kept as settings for scans that do not.

use std::iter::once;

use semivox_data::Orientation;
use semivox_data::preprocess::{Preprocess, Preprocessed};

use crate::config::RunConfig;
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
    let scans = labeled.chain(set.unlabeled.iter().map(|case| &case.scan));
    let Some((orientation, spacing)) = shared(scans) else {
        return config;
    };
    let preprocess = &mut config.data.preprocess;
    if preprocess.orientation.is_none() {
        preprocess.orientation = Some(orientation);
    }
    if preprocess.spacing_mm.is_none() && preprocess.slice_size.is_none() {
        preprocess.spacing_mm = spacing;
    }
    config
}

/// Returns settings as a run stores them: with the orientation and spacing that it took from its scans.
pub(crate) fn completed(wanted: &mut Preprocess, stored: &Preprocess) {
    if wanted.orientation.is_none() {
        wanted.orientation = stored.orientation;
    }
    if wanted.spacing_mm.is_none() && wanted.slice_size.is_none() {
        wanted.spacing_mm = stored.spacing_mm;
    }
}

/// Returns the orientation of scans that know theirs and share it, and their spacing if they share that, too.
fn shared<'a>(
    mut scans: impl Iterator<Item = &'a Preprocessed>,
) -> Option<(Orientation, Option<[f64; 3]>)> {
    let first = scans.next()?;
    let orientation = Orientation::of(&first.source.geometry);
    let spacing = first.source.geometry.spacing();
    let mut same_spacing = true;
    for scan in once(first).chain(scans) {
        let header = scan.header.as_ref();
        let knows = header.is_some_and(semivox_data::SourceHeader::knows_sides);
        if !knows || Orientation::of(&scan.source.geometry) != orientation {
            return None;
        }
        let found = scan.source.geometry.spacing();
        same_spacing &= (0..3).all(|axis| (found[axis] / spacing[axis] - 1.0).abs() < 1e-6);
    }
    Some((orientation, same_spacing.then_some(spacing.map(shortest))))
}
