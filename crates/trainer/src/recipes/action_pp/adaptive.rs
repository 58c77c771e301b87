//! Supervised adaptive anatomical contrast: its head, bank and centers.

use burn::prelude::*;
use semivox_data::rng::keyed;
use semivox_losses::{AdaptiveContrastiveInput, AdaptiveContrastiveLossConfig};
use semivox_models::{NetworkOutput, RepresentationHead};
use semivox_sampling::{ClassCenters, ClassVoxels, LabeledQueue, voxel_features};

use super::{ActionPpConfig, CenterAssignment};
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::ema::{ema_update, teacher_of};
use crate::error::TrainError;
use crate::recipe::{Setting, StepContext};
use crate::recipes::action::Maps;

/// What stage iii keeps beside ACTION's state.
#[derive(Debug, Clone)]
pub(super) struct Adaptive {
    key_head: RepresentationHead,
    queue: LabeledQueue,
    centers: ClassCenters,
}

/// What a step adds to the bank: the teacher's features and their classes.
pub(super) type Entries = Option<(Tensor<2>, Vec<i32>)>;

impl Adaptive {
    /// The key head starts as the student's; the bank as random directions of no class.
    pub(super) fn new(
        config: &ActionPpConfig,
        setting: &Setting,
        head: &RepresentationHead,
    ) -> Result<Self, TrainError> {
        let (classes, width) = (setting.network.classes, config.action.representation_width);
        let (seed, device) = (setting.seed, &setting.device);
        Ok(Self {
            key_head: teacher_of(head),
            queue: LabeledQueue::new(config.queue, width, seed, "labeled features", device)?,
            centers: ClassCenters::new(classes, width, config.center_rate, seed)?,
        })
    }

    /// The teacher's representations, as constants.
    pub(super) fn keys(&self, teacher: NetworkOutput) -> Tensor<5> {
        self.key_head.forward(teacher.features).detach()
    }

    #[cfg(test)]
    pub(super) fn key_head(&self) -> &RepresentationHead {
        &self.key_head
    }

    /// The classes in the bank.
    #[cfg(test)]
    pub(super) fn labels(&self) -> &[i32] {
        self.queue.labels()
    }

    /// `L_aaco` on the labeled patches, and what the bank takes afterwards. The running centers move first.
    pub(super) fn loss(
        &mut self,
        config: &ActionPpConfig,
        maps: Maps,
        keys: Tensor<5>,
        at: &StepContext,
    ) -> (Tensor<1>, Entries) {
        let drawn = drawn_voxels(config, &maps, at);
        let count = drawn.voxels.len();
        if count == 0 {
            return (Tensor::zeros([1], &at.device), None); // every voxel is easy
        }
        let voxels = ints(&drawn.voxels, &at.device);
        let features = voxel_features(maps.representations, voxels.clone());
        let teacher = voxel_features(keys, voxels);
        let seen: Vec<f32> = features.clone().detach().into_data().iter().collect();
        self.centers.observe(&seen, &drawn.classes);
        let input = AdaptiveContrastiveInput {
            features,
            teacher: teacher.clone(),
            labels: ints(&drawn.classes, &at.device),
            queue: self.queue.features().entries(),
            queue_labels: ints(self.queue.labels(), &at.device),
            centers: self.assigned_centers(config.assignment, &at.device),
        };
        let loss = AdaptiveContrastiveLossConfig::new()
            .with_temperature(config.temperature(at))
            .with_center_weight(config.center_weight)
            .with_normalization(config.normalization)
            .init();
        (loss.forward(input), Some((teacher, drawn.classes)))
    }

    /// `ν`: the center of each class, `[classes, width]`.
    fn assigned_centers(&self, assignment: CenterAssignment, device: &Device) -> Tensor<2> {
        let permutation = match assignment {
            CenterAssignment::Adaptive => self.centers.assignment(),
            CenterAssignment::Random => (0..self.centers.classes()).collect(),
        };
        let goals = self.centers.goals();
        let width = goals.len() / permutation.len();
        let shape = [permutation.len(), width];
        let rows = permutation
            .iter()
            .flat_map(|&goal| &goals[goal * width..][..width]);
        Tensor::from_data(
            TensorData::new(rows.copied().collect::<Vec<f32>>(), shape),
            device,
        )
    }

    /// After the step: the key head follows `head`, the bank takes the teacher's features.
    pub(super) fn advance(
        &mut self,
        head: &RepresentationHead,
        momentum: f64,
        entries: Entries,
    ) -> Result<(), TrainError> {
        self.key_head = ema_update(self.key_head.clone(), head, momentum);
        if let Some((features, classes)) = entries {
            self.queue.enqueue(features, &classes)?;
        }
        Ok(())
    }

    pub(super) fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module("key_representation", &self.key_head)?;
        checkpoint.queue("labeled_features", self.queue.features())?;
        checkpoint.json("feature_labels", &self.queue.labels())?;
        checkpoint.values("class_centers", self.centers.running())
    }

    pub(super) fn load(
        &mut self,
        checkpoint: &CheckpointReader,
        device: &Device,
    ) -> Result<(), TrainError> {
        self.key_head = checkpoint.module("key_representation", self.key_head.clone())?;
        let features = checkpoint.queue("labeled_features", device)?;
        self.queue = LabeledQueue::from_parts(features, checkpoint.json("feature_labels")?)?;
        Ok(self.centers.restore(checkpoint.values("class_centers")?)?)
    }
}

/// Numbers of the host on a device.
fn ints(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// The voxels of each class that is present, among all or among the hard ones.
fn drawn_voxels(config: &ActionPpConfig, maps: &Maps, at: &StepContext) -> ClassVoxels {
    let labels: Vec<i32> = maps.labels.clone().into_data().iter().collect();
    let probability: Option<(f64, Vec<f32>)> = config
        .hard_below
        .map(|limit| (limit, maps.probability().into_data().iter().collect()));
    let allowed = |voxel: usize| match &probability {
        Some((limit, values)) => f64::from(values[voxel]) < *limit,
        None => true,
    };
    let mut rng = keyed(at.seed, at.step, "adaptive contrast");
    ClassVoxels::draw(&labels, allowed, config.voxels, &mut rng)
}
