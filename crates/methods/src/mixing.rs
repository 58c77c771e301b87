//! Region mixing of unlabeled images with their pseudo-labels.
//!
//! ```text
//! x ← M·x_i + (1 − M)·x_j,   j = (i + 1) mod B
//! ```
//!
//! The same mask `M` mixes image, pseudo-label and confidence. In a batch of one image its partner is the
//! image itself, and only [`Mixing::Cutout`], which takes nothing from a partner, changes it.

use burn::prelude::*;
use ndarray::Array3;
use semivox_data::augment::{ClassMixParams, CutBoxConfig, paste_box};
use semivox_data::rng::keyed;
use semivox_losses::IGNORED_LABEL;
use serde::{Deserialize, Serialize};

use crate::copy_paste::BOX_SHARE;
use crate::step_context::StepContext;

/// Mixing of the unlabeled images of a batch.
///
/// # References
/// - cutout: T. DeVries, G. Taylor, arXiv 1708.04552.
/// - CutMix for segmentation: G. French et al., BMVC 2020.
/// - copy-paste: Y. Bai et al., CVPR 2023, arXiv 2305.00673.
/// - ClassMix: V. Olsson et al., WACV 2021.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mixing {
    /// No mixing.
    None,
    /// A box is set to 0; its voxels are ignored (label −1).
    Cutout,
    /// A box is replaced by that of the partner: half of the plane of the first two axes, a quarter of the third.
    Cutmix,
    /// A box of 2/3 of each side is replaced by that of the partner, as BCP mixes: 30 % of a volume, 44 % of a slice.
    CopyPaste,
    /// Half of the pseudo-labeled classes are kept; all other voxels are replaced by those of the partner.
    Classmix,
}

/// Unlabeled images with the pseudo-labels of the teacher.
#[derive(Debug, Clone)]
pub struct PseudoLabeled {
    /// The student's view, `[batch, channels, depth, height, width]`.
    pub images: Tensor<5>,
    /// The teacher's most probable class of each voxel, `[batch, 1, depth, height, width]`; −1 where one is ignored.
    pub labels: Tensor<5, Int>,
    /// The teacher's probability of that class, of the same shape.
    pub confidence: Tensor<5>,
}

impl Mixing {
    /// Returns the supervised training whose labeled strong views are mixed alike; that of CutMix for the mixings that
    /// have none.
    pub(crate) fn control(self) -> &'static str {
        match self {
            Self::CopyPaste => "supervised:strong_copy_paste",
            _ => "supervised:strong_cutmix",
        }
    }

    /// Mixes a batch; the masks are drawn from (seed, step).
    pub fn apply(self, pseudo: PseudoLabeled, at: &StepContext) -> PseudoLabeled {
        self.apply_for("mixing", pseudo, at)
    }

    /// Mixes a batch as [`apply`](Self::apply) does, with masks of their own for each `purpose`.
    pub(crate) fn apply_for(
        self,
        purpose: &str,
        pseudo: PseudoLabeled,
        at: &StepContext,
    ) -> PseudoLabeled {
        if self == Self::None {
            return pseudo;
        }
        let [batch, _, d, h, w] = pseudo.images.dims();
        let mut keep = Vec::with_capacity(batch * d * h * w);
        let labels = (self == Self::Classmix).then(|| host_labels(&pseudo.labels));
        for sample in 0..batch {
            let mut rng = keyed(at.seed, at.step, &format!("{purpose} {sample}"));
            keep.extend(match &labels {
                Some(labels) => {
                    let labels = labels[sample].view();
                    ClassMixParams::draw(&mut rng, labels).mask(labels)
                }
                None => {
                    let cut = match self {
                        Self::CopyPaste => paste_box(&mut rng, BOX_SHARE, [d, h, w]),
                        _ => cut_box([d, h, w]).draw(&mut rng, [d, h, w]),
                    };
                    !cut.mask([d, h, w])
                }
            });
        }
        let shape = [batch, 1, d, h, w];
        let keep = Tensor::from_data(TensorData::new(keep, shape), &pseudo.images.device());
        match self {
            Self::Cutout => pseudo.erase(keep),
            _ => pseudo.mix(keep),
        }
    }
}

impl PseudoLabeled {
    /// Replaces the voxels where `keep` is false by those of the partner.
    fn mix(self, keep: Tensor<5, Bool>) -> Self {
        let other = keep.bool_not();
        Self {
            images: self
                .images
                .clone()
                .mask_where(other.clone(), next(self.images)),
            labels: self
                .labels
                .clone()
                .mask_where(other.clone(), next(self.labels)),
            confidence: self
                .confidence
                .clone()
                .mask_where(other, next(self.confidence)),
        }
    }

    /// Sets images to 0 and labels to −1 where `keep` is false.
    fn erase(self, keep: Tensor<5, Bool>) -> Self {
        let cut = keep.bool_not();
        Self {
            images: self.images.mask_fill(cut.clone(), 0.0),
            labels: self.labels.mask_fill(cut.clone(), IGNORED_LABEL),
            confidence: self.confidence.mask_fill(cut, 0.0),
        }
    }
}

/// The box to cut: half of the area of the first two axes, and a quarter of the third, 20 of the paper's 80 slices.
fn cut_box(patch: [usize; 3]) -> CutBoxConfig {
    CutBoxConfig {
        area: 0.5,
        depth: patch[2].div_ceil(4),
    }
}

/// Replaces every sample by the next one, the last by the first.
pub(crate) fn next<K: burn::tensor::kind::Basic>(x: Tensor<5, K>) -> Tensor<5, K> {
    let batch = x.dims()[0];
    if batch == 1 {
        return x;
    }
    let first = x.clone().narrow(0, 0, 1);
    Tensor::cat(vec![x.narrow(0, 1, batch - 1), first], 0)
}

/// Reads pseudo-labels to the host, one array per sample.
pub(crate) fn host_labels(labels: &Tensor<5, Int>) -> Vec<Array3<u8>> {
    let [_, _, d, h, w] = labels.dims();
    let values: Vec<u8> = labels
        .clone()
        .into_data()
        .iter::<i64>()
        .map(|l| l.max(0) as u8)
        .collect();
    values
        .chunks(d * h * w)
        .map(|sample| {
            Array3::from_shape_vec((d, h, w), sample.to_vec()).expect("a sample has d·h·w voxels")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    fn at(device: &Device) -> StepContext {
        StepContext {
            step: 3,
            steps: 10,
            stage_step: 3,
            stage_steps: 10,
            seed: 1,
            device: device.clone(),
        }
    }

    /// A batch whose sample `b` has the value `b` in image, label and confidence.
    fn pseudo(batch: usize, device: &Device) -> PseudoLabeled {
        let samples = (0..batch).map(|b| Tensor::<5>::full([1, 1, 8, 8, 8], b as f32, device));
        let images = Tensor::cat(samples.collect(), 0);
        PseudoLabeled {
            labels: images.clone().int(),
            confidence: images.clone() / 10.0,
            images,
        }
    }

    fn values(x: Tensor<5>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn one_mask_mixes_all_three() {
        let device = Device::flex();
        for mixing in [Mixing::Cutmix, Mixing::CopyPaste, Mixing::Classmix] {
            let mixed = mixing.apply(pseudo(3, &device), &at(&device));
            let images = values(mixed.images);
            assert_eq!(images, values(mixed.labels.float()));
            let confidence = values(mixed.confidence);
            assert!(
                images
                    .iter()
                    .zip(confidence)
                    .all(|(i, c)| (i / 10.0 - c).abs() < 1e-6)
            );
        }
    }

    #[test]
    fn a_box_takes_the_next_image_in_its_share_of_the_volume() {
        let device = Device::flex();
        let eighth = (Mixing::Cutmix, 50..=80);
        // 5 of 8 voxels of each side.
        let five_of_eight = (Mixing::CopyPaste, 125..=125);
        for (mixing, expected) in [eighth, five_of_eight] {
            let images = values(mixing.apply(pseudo(2, &device), &at(&device)).images);
            let foreign = images[..512].iter().filter(|&&v| v == 1.0).count();
            assert!(expected.contains(&foreign), "{foreign} of 512");
        }
    }

    /// Two samples with three classes each, in stripes along different axes; every voxel has a value of its own.
    fn striped(device: &Device) -> ([[i64; 512]; 2], PseudoLabeled) {
        let classes: [[i64; 512]; 2] = [
            std::array::from_fn(|voxel| voxel as i64 % 8 % 3),
            std::array::from_fn(|voxel| 2 + voxel as i64 / 8 % 8 % 3),
        ];
        let labels = TensorData::new(classes.concat(), [2, 1, 8, 8, 8]);
        let images = Tensor::arange(0..1024, device).reshape([2, 1, 8, 8, 8]);
        let images = images.float();
        let pseudo = PseudoLabeled {
            labels: Tensor::from_data(labels, device),
            confidence: images.clone() / 1024.0,
            images,
        };
        (classes, pseudo)
    }

    /// Of three classes one is kept.
    #[test]
    fn classmix_keeps_whole_classes_and_takes_the_others_from_the_partner() {
        let device = Device::flex();
        let (classes, pseudo) = striped(&device);
        let mixed = Mixing::Classmix.apply(pseudo, &at(&device));
        let images = values(mixed.images);
        let [labels, confidence] = [mixed.labels.float(), mixed.confidence * 1024.0].map(values);
        for sample in 0..2 {
            let first = 512 * sample;
            let is_own = |voxel: &usize| images[first + voxel] as usize == first + voxel;
            let kept: BTreeSet<i64> = (0..512)
                .filter(is_own)
                .map(|v| classes[sample][v])
                .collect();
            assert_eq!(kept.len(), 1, "{kept:?}");
            for voxel in 0..512 {
                let of = match kept.contains(&classes[sample][voxel]) {
                    true => sample,
                    false => 1 - sample,
                };
                let found = [&images, &labels, &confidence].map(|x| x[first + voxel]);
                let source = (512 * of + voxel) as f32;
                assert_eq!(found, [source, classes[of][voxel] as f32, source]);
            }
        }
    }

    #[test]
    fn the_box_of_a_slice_covers_half_of_it() {
        for step in 0..20 {
            let mut rng = keyed(1, step, "box");
            let mask = cut_box([32, 48, 1])
                .draw(&mut rng, [32, 48, 1])
                .mask([32, 48, 1]);
            let share = mask.iter().filter(|&&m| m).count() as f64 / mask.len() as f64;
            assert!((share - 0.5).abs() < 0.02, "{share}");
        }
    }

    #[test]
    fn a_single_image_is_left_as_it_is() {
        let device = Device::flex();
        for mixing in [
            Mixing::None,
            Mixing::Cutmix,
            Mixing::CopyPaste,
            Mixing::Classmix,
        ] {
            let before = pseudo(1, &device);
            let after = mixing.apply(before.clone(), &at(&device));
            assert_eq!(values(before.images), values(after.images));
        }
    }

    #[test]
    fn cutout_marks_its_voxels_as_ignored() {
        let device = Device::flex();
        let mut before = pseudo(2, &device);
        before.images = before.images + 5.0;
        let after = Mixing::Cutout.apply(before, &at(&device));
        let labels = values(after.labels.float());
        for ((image, label), confidence) in values(after.images)
            .iter()
            .zip(&labels)
            .zip(values(after.confidence))
        {
            assert_eq!(*label == -1.0, *image == 0.0);
            assert!(*label >= 0.0 || confidence == 0.0);
        }
        assert!(labels.contains(&-1.0));
    }
}
