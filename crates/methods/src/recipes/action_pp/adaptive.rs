//! Supervised adaptive anatomical contrast: its key head, memory bank and class centers.

use burn::prelude::*;
use semivox_data::rng::keyed;
use semivox_losses::{AdaptiveContrastiveInput, AdaptiveContrastiveLossConfig};
use semivox_models::{NetworkOutput, RepresentationHead};
use semivox_sampling::{ClassCenters, ClassVoxels, LabeledQueue, voxel_features};

use super::{ActionPpConfig, CenterAssignment};
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::ema::{ema_update, teacher_of};
use crate::error::MethodError;
use crate::recipes::action::Contrasted;
use crate::representations::Representations;
use crate::step_context::StepContext;

/// The state of `L_aaco`: its key head, memory bank and class centers.
#[derive(Debug, Clone)]
pub(super) struct Adaptive {
    key_head: RepresentationHead,
    queue: LabeledQueue,
    centers: ClassCenters,
}

impl Adaptive {
    /// Creates a key head that starts as a copy of the student's head, and a bank of random unit vectors without class.
    pub(super) fn new(
        config: &ActionPpConfig,
        context: &MethodContext,
        contrasted: &Contrasted,
    ) -> Result<Self, MethodError> {
        let (classes, width) = (context.network.classes, config.action.representation_width);
        let (seed, device) = (context.seed, &context.device);
        Ok(Self {
            key_head: teacher_of(&contrasted.student.heads),
            queue: LabeledQueue::new(config.queue, width, seed, "labeled features", device)?,
            centers: ClassCenters::new(classes, width, config.center_rate, seed)?,
        })
    }

    /// Computes the teacher's representations, without gradient.
    pub(super) fn keys(&self, teacher: NetworkOutput) -> Tensor<5> {
        self.key_head.forward(teacher.features).detach()
    }

    #[cfg(test)]
    pub(super) fn key_head(&self) -> &RepresentationHead {
        &self.key_head
    }

    /// Returns the classes of the entries in the bank.
    #[cfg(test)]
    pub(super) fn labels(&self) -> &[i32] {
        self.queue.labels()
    }

    /// Computes `L_aaco` on the labeled patches.
    ///
    /// The running centers are updated before; the teacher's features enter the bank afterwards.
    pub(super) fn loss(
        &mut self,
        config: &ActionPpConfig,
        maps: Representations,
        keys: Tensor<5>,
        at: &StepContext,
    ) -> Result<Tensor<1>, MethodError> {
        let drawn = drawn_voxels(config, &maps, at);
        let count = drawn.voxels.len();
        if count == 0 {
            return Ok(Tensor::zeros([1], &at.device)); // no voxel is hard
        }
        let voxels = ints(&drawn.voxels, &at.device);
        let features = voxel_features(maps.features, voxels.clone());
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
        self.queue.enqueue(teacher, &drawn.classes)?;
        Ok(loss.forward(input))
    }

    /// Returns `ν`, the assigned center of each class, `[classes, width]`.
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

    /// Updates the key head, `θ_k ← m·θ_k + (1 − m)·θ`, from the student's `head`.
    pub(super) fn update_key_head(&mut self, head: &RepresentationHead, momentum: f64) {
        self.key_head = ema_update(self.key_head.clone(), head, momentum);
    }

    /// Passes all parts to `visitor`.
    pub(super) fn visit_state(
        &mut self,
        visitor: &mut StateVisitor<'_>,
    ) -> Result<(), MethodError> {
        visitor.module("key_representation", &mut self.key_head)?;
        visitor.labeled_queue(["labeled_features", "feature_labels"], &mut self.queue)?;
        visitor.centers("class_centers", &mut self.centers)
    }
}

/// Moves integers to a device.
fn ints(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// Draws voxels of each class that is present, among all voxels or among the hard ones.
fn drawn_voxels(config: &ActionPpConfig, maps: &Representations, at: &StepContext) -> ClassVoxels {
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
