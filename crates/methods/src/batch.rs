//! Batches of patches, in host memory and on the device.

use burn::prelude::*;

/// A batch in host memory.
#[derive(Debug, Clone, PartialEq)]
pub struct HostBatch {
    /// Patch size in voxels.
    pub patch: [usize; 3],
    /// Channels of every patch.
    pub channels: usize,
    /// Labels of the labeled patches, one patch after another; [`IGNORED_LABEL`](semivox_losses::IGNORED_LABEL) where a
    /// voxel takes no part in losses.
    pub labels: Vec<i32>,
    /// Labeled patches.
    pub labeled: HostViews,
    /// Unlabeled patches.
    pub unlabeled: HostViews,
}

/// Intensities of patches, one patch after another, each channel by channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostViews {
    /// Number of patches.
    pub count: usize,
    /// Weak views.
    pub weak: Vec<f32>,
    /// Strong views; empty if none is planned.
    pub strong: Vec<f32>,
    /// Second strong views; empty if none is planned.
    pub second: Vec<f32>,
}

/// A batch on the device.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Labeled patches.
    pub labeled: LabeledBatch,
    /// Unlabeled patches, if the stage plans them.
    pub unlabeled: Option<UnlabeledBatch>,
}

/// Labeled patches, `[batch, channel, depth, height, width]`.
#[derive(Debug, Clone)]
pub struct LabeledBatch {
    /// Weak view.
    pub weak: Tensor<5>,
    /// Strong view; the weak one where no strong view is planned.
    pub strong: Tensor<5>,
    /// Labels `[batch, 1, depth, height, width]`, aligned with both views;
    /// [`IGNORED_LABEL`](semivox_losses::IGNORED_LABEL) where a voxel takes no part in losses.
    pub labels: Tensor<5, Int>,
}

/// Unlabeled patches, `[batch, channel, depth, height, width]`: a type without labels.
#[derive(Debug, Clone)]
pub struct UnlabeledBatch {
    /// Weak view.
    pub weak: Tensor<5>,
    /// Strong view; the weak one where no strong view is planned.
    pub strong: Tensor<5>,
    /// Second strong view; the first one where no second is planned.
    pub second: Tensor<5>,
}

impl Batch {
    /// Moves a host batch to `device`.
    pub fn from_host(host: HostBatch, device: &Device) -> Self {
        let [d, h, w] = host.patch;
        let labels = TensorData::new(host.labels, [host.labeled.count, 1, d, h, w]);
        let labels = Tensor::from_data(labels, device);
        let shape = [host.channels, d, h, w];
        let [weak, strong, _] = host.labeled.into_tensors(shape, device);
        let unlabeled = (host.unlabeled.count > 0).then(|| {
            let [weak, strong, second] = host.unlabeled.into_tensors(shape, device);
            UnlabeledBatch {
                weak,
                strong,
                second,
            }
        });
        Self {
            labeled: LabeledBatch {
                weak,
                strong,
                labels,
            },
            unlabeled,
        }
    }

    /// Joins labeled and unlabeled patches into one batch per view, labeled ones first: `[weak, strong]`.
    pub fn views(self) -> [Tensor<5>; 2] {
        match self.unlabeled {
            None => [self.labeled.weak, self.labeled.strong],
            Some(unlabeled) => [
                Tensor::cat(vec![self.labeled.weak, unlabeled.weak], 0),
                Tensor::cat(vec![self.labeled.strong, unlabeled.strong], 0),
            ],
        }
    }
}

/// Splits a batch in two parts of `counts` elements, such as labeled and unlabeled patches.
pub(crate) fn split<const D: usize>(all: Tensor<D>, counts: [usize; 2]) -> [Tensor<D>; 2] {
    let labeled = all.clone().narrow(0, 0, counts[0]);
    [labeled, all.narrow(0, counts[0], counts[1])]
}

impl HostViews {
    /// Moves the patches to the device: `[weak, strong, second]`, where a view that was not planned is the one before.
    fn into_tensors(self, [c, d, h, w]: [usize; 4], device: &Device) -> [Tensor<5>; 3] {
        let shape = [self.count, c, d, h, w];
        let moved = |views: Vec<f32>| Tensor::from_data(TensorData::new(views, shape), device);
        let or = |views: Vec<f32>, other: &Tensor<5>| match views.is_empty() {
            true => other.clone(),
            false => moved(views),
        };
        let weak = moved(self.weak);
        let strong = or(self.strong, &weak);
        let second = or(self.second, &strong);
        [weak, strong, second]
    }
}
