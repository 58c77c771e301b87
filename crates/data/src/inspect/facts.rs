//! Properties of single cases.

use std::collections::BTreeMap;

use super::{intensities, sides};
use crate::{Fingerprint, IGNORED, Image, LabelMap, Orientation, Volume};

/// Role of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Training case with a label map.
    Labeled,
    /// Training case without a label map.
    Unlabeled,
    /// Test case, held out for evaluation.
    Test,
    /// Labeled case that is held out for decisions on settings.
    Validation,
}

impl Role {
    /// Returns whether the training uses cases of this role.
    pub fn is_training(self) -> bool {
        matches!(self, Self::Labeled | Self::Unlabeled)
    }
}

/// Properties of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseFacts {
    /// Name of the case.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// Number of voxels along each axis.
    pub shape: [usize; 3],
    /// Voxel spacing in millimeters.
    pub spacing_mm: [f64; 3],
    /// Axis directions.
    pub orientation: Orientation,
    /// Whether these are from the file of the image; otherwise they are a guess.
    pub knows_sides: bool,
    /// Minimum and maximum intensity of each channel.
    pub intensities: Vec<[f32; 2]>,
    /// The distance of the most extreme intensity of each channel from its 10th to 90th percentile, in units of the
    /// range between the two: hardly above 15 unless some voxels hold an absurd value.
    pub farthest: Vec<f32>,
    /// Number of voxels of each label that occurs; empty without a label map.
    pub labels: BTreeMap<u8, usize>,
    /// Mean position of the voxels of each label but the background towards the patient's right, in millimeters; empty
    /// without a label map, or if the file of the image does not say which side is left.
    pub right_mm: BTreeMap<u8, f64>,
    /// Number of [`IGNORED`] voxels, which are not among those.
    pub ignored: usize,
    /// Fingerprint of the image.
    pub fingerprint: Fingerprint,
    /// Checksum of the image's voxels; see [`Image::checksum`].
    pub image_checksum: u64,
    /// Checksum of the label map's, if there is one.
    pub label_checksum: Option<u64>,
    /// Doubts about the position of its voxels; see [`SourceHeader::notes`](crate::SourceHeader::notes).
    pub notes: Vec<String>,
}

impl CaseFacts {
    /// Computes the properties of a case from its image and its label map, if it has one.
    pub fn of(id: impl Into<String>, role: Role, image: &Image, labels: Option<&LabelMap>) -> Self {
        let intensities: Vec<[f32; 2]> = image.channels().iter().map(range).collect();
        let mut counts = labels.map(count).unwrap_or_default();
        Self {
            id: id.into(),
            role,
            shape: image.shape(),
            spacing_mm: image.spacing(),
            orientation: Orientation::of(image.geometry()),
            knows_sides: image.knows_sides(),
            farthest: std::iter::zip(image.channels(), &intensities)
                .map(|(channel, &range)| intensities::farthest(channel, range))
                .collect(),
            intensities,
            right_mm: labels
                .map(|labels| sides::positions(image, labels))
                .unwrap_or_default(),
            ignored: counts.remove(&IGNORED).unwrap_or(0),
            labels: counts,
            fingerprint: Fingerprint::of(image),
            image_checksum: image.checksum(),
            label_checksum: labels.map(LabelMap::checksum),
            notes: image.notes_with(labels),
        }
    }
}

fn range(image: &Volume) -> [f32; 2] {
    let widen = |[low, high]: [f32; 2], &x: &f32| [low.min(x), high.max(x)];
    image
        .data
        .iter()
        .fold([f32::INFINITY, f32::NEG_INFINITY], widen)
}

fn count(labels: &LabelMap) -> BTreeMap<u8, usize> {
    let mut counts = [0; 256];
    labels
        .data
        .iter()
        .for_each(|&l| counts[usize::from(l)] += 1);
    let some = (0..=u8::MAX).zip(counts).filter(|pair| pair.1 > 0);
    some.collect()
}
