//! The separation of classes: prototypes and the distance of features from them.

use burn::prelude::*;
use rand::Rng;
use semivox_losses::{PrototypeInput, PrototypeLossConfig};
use semivox_models::{Network, SeparationHeads, SeparationHeadsConfig};
use semivox_sampling::{ClassVoxels, FeatureQueue, voxel_features};

use super::SsNetConfig;
use crate::adversarial::unit_rows;
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::stage::{Handover, State};
use crate::with_heads::WithHeads;

/// Fewest voxels and prototypes of a class that are compared: the batch norm of one vector is constant.
const FEWEST: usize = 2;

/// Network, heads and prototypes of SS-Net.
#[derive(Debug, Clone)]
pub struct Separated {
    pub(super) student: WithHeads<SeparationHeads>,
    /// Prototypes of each class, those of the last step in which the class had correct voxels.
    pub(super) prototypes: Vec<FeatureQueue>,
}

/// Feature maps of patches, with the class of each voxel; negative for none.
pub(super) struct Voxels<'a> {
    pub(super) features: Tensor<5>,
    pub(super) classes: &'a [i32],
}

impl Separated {
    /// Creates new heads; no class has prototypes.
    pub(super) fn new(
        networks: Handover,
        config: &SsNetConfig,
        context: &MethodContext,
    ) -> Result<Self, MethodError> {
        let (classes, [.., channels]) =
            (context.network.classes, context.network.feature_channels());
        let heads = SeparationHeadsConfig::new(channels, classes).with_width(config.width);
        let bank = |class| {
            let name = format!("prototypes of class {class}");
            let (seed, device) = (context.seed, &context.device);
            FeatureQueue::new(config.prototypes, &[config.width], seed, &name, device)
        };
        Ok(Self {
            student: WithHeads {
                network: networks.student,
                heads: context.drawn(|device| heads.init(device)),
            },
            prototypes: (0..classes).map(bank).collect::<Result<_, _>>()?,
        })
    }

    /// Replaces the prototypes of each class by the embeddings of its correctly `predicted` voxels to which its selector
    /// attends most; a class without such a voxel keeps its prototypes.
    pub(super) fn observe(
        &mut self,
        labeled: &Voxels<'_>,
        predicted: &[i32],
        config: &SsNetConfig,
        rng: &mut impl Rng,
    ) -> Result<(), MethodError> {
        let truth = labeled.classes;
        let correct =
            |voxel: usize| predicted[voxel] == truth[voxel] && counts(truth[voxel], config);
        let drawn = ClassVoxels::draw_distinct(truth, correct, config.voxels, rng);
        let features = labeled.features.clone().without_autodiff();
        let projection = self.student.heads.projection.valid();
        for (class, bank) in self.prototypes.iter_mut().enumerate() {
            let voxels = drawn.of(class as i32);
            if voxels.is_empty() {
                continue;
            }
            let rows = rows(features.clone(), voxels);
            let embeddings = Tensor::from_inner(projection.forward_rows(rows));
            let scores = self.student.heads.selectors[class].forward_rows(embeddings.clone());
            bank.clear();
            bank.enqueue(highest(embeddings, scores.detach(), config.prototypes))?;
        }
        Ok(())
    }

    /// Computes the mean over the classes of the distance of their voxels from their prototypes; 0 for a class that has
    /// too few of either.
    pub(super) fn distance(
        &self,
        patches: Voxels<'_>,
        config: &SsNetConfig,
        rng: &mut impl Rng,
    ) -> Tensor<1> {
        let (heads, classes) = (&self.student.heads, patches.classes);
        let allowed = |voxel: usize| counts(classes[voxel], config);
        let drawn = ClassVoxels::draw_distinct(classes, allowed, config.voxels, rng);
        let none = Tensor::zeros([1], &patches.features.device());
        let projected = heads.projection.forward(patches.features);
        let predicted = heads.prediction.forward(projected);
        let of_class = |class| self.distance_of(class, &predicted, drawn.of(class as i32));
        let count = self.prototypes.len();
        (0..count).filter_map(of_class).fold(none, Tensor::add) / count as f64
    }

    /// Computes the distance of voxels of a class from its prototypes, if there are enough of both.
    fn distance_of(
        &self,
        class: usize,
        predicted: &Tensor<5>,
        voxels: &[i32],
    ) -> Option<Tensor<1>> {
        let (heads, bank) = (&self.student.heads, &self.prototypes[class]);
        if voxels.len().min(bank.filled()) < FEWEST {
            return None;
        }
        let prototypes = unit_rows(bank.entries().narrow(0, 0, bank.filled()));
        let features = rows(predicted.clone(), voxels);
        let input = PrototypeInput {
            scores: heads.selectors[class].forward_rows(features.clone().detach()),
            features,
            prototype_scores: heads.memory_selectors[class].forward_rows(prototypes.clone()),
            prototypes,
        };
        Some(PrototypeLossConfig::new().init().forward(input))
    }
}

/// Returns whether a class takes part.
fn counts(class: i32, config: &SsNetConfig) -> bool {
    class > 0 || config.background
}

/// Gathers the feature vectors of voxels.
fn rows(map: Tensor<5>, voxels: &[i32]) -> Tensor<2> {
    let voxels = Tensor::from_ints(voxels, &map.device());
    voxel_features(map, voxels)
}

/// Selects the vectors with the highest scores `[vectors, 1]`; all of them, in order, if there are no more than `most`.
fn highest(vectors: Tensor<2>, scores: Tensor<2>, most: usize) -> Tensor<2> {
    if vectors.dims()[0] <= most {
        return vectors;
    }
    let (_, places) = scores.topk_with_indices(most, 0);
    vectors.select(0, places.flatten(0, 1))
}

impl State for Separated {
    type Trained = WithHeads<SeparationHeads>;

    fn trained(&mut self) -> &mut Self::Trained {
        &mut self.student
    }

    fn student(&self) -> &Network {
        &self.student.network
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        self.student.visit_state(visitor)?;
        let mut banks = self.prototypes.iter_mut().enumerate();
        banks.try_for_each(|(class, bank)| visitor.queue(&format!("prototypes_{class}"), bank))
    }
}
