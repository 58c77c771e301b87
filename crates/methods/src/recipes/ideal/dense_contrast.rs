//! Stage i of IDEAL (reconstruction): dense contrast between two views.

use burn::prelude::*;
use semivox_losses::{DenseContrastiveLoss, DenseContrastiveLossConfig, dense_correspondence};
use semivox_models::{DenseProjector, DenseProjectorConfig, Network};
use semivox_sampling::FeatureQueue;

use super::config::{IdealConfig, Negatives};
use crate::batch::Batch;
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::stage::{Handover, Stage, State};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

/// Stage i: dense contrast between each position of the query and its most similar position of the key.
pub struct DenseContrast {
    config: IdealConfig,
    mirrored: [bool; 3],
    contrast: DenseContrastiveLoss,
}

impl DenseContrast {
    /// Creates stage i of the method; keys may be mirrored on the axes of `mirrored`.
    pub fn new(config: IdealConfig, mirrored: [bool; 3]) -> Self {
        let contrast = DenseContrastiveLossConfig::new().with_temperature(config.temperature);
        Self {
            config,
            mirrored,
            contrast: contrast.init(),
        }
    }
}

/// The state of stage i: query and key network, each with a dense head, and the queue of mean keys.
#[derive(Debug, Clone)]
pub struct Contrasted {
    networks: StudentTeacher<WithHeads<DenseProjector>>,
    queue: FeatureQueue,
}

impl Contrasted {
    /// Returns the negatives in the filled part of the queue, or `None` to use those of the batch.
    fn negatives(&self, negatives: Negatives) -> Option<Tensor<2>> {
        let filled = self.queue.filled();
        let queued = negatives == Negatives::Queue && filled > 0;
        queued.then(|| self.queue.entries::<2>().narrow(0, 0, filled))
    }
}

impl State for Contrasted {
    type Trained = WithHeads<DenseProjector>;

    fn trained(&mut self) -> &mut Self::Trained {
        self.networks.trained()
    }

    fn student(&self) -> &Network {
        self.networks.student()
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        self.networks.visit_state(visitor)?;
        visitor.queue("queue", &mut self.queue)
    }
}

impl Stage for DenseContrast {
    type State = Contrasted;

    fn plan(&self) -> StagePlan {
        StagePlan {
            name: "i dense contrast (reconstruction)",
            steps: self.config.iterations[0],
            batch: BatchPlan::new(self.config.pretraining_batch, StrongViews::All),
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Contrasted, MethodError> {
        let width = self.config.embedding;
        let channels = context.network.channels_after(0);
        let head = DenseProjectorConfig::new(channels, channels).with_embedding(width);
        let (seed, device) = (context.seed, &context.device);
        Ok(Contrasted {
            networks: StudentTeacher::new(WithHeads {
                network: networks.student,
                heads: context.drawn(|device| head.init(device)),
            }),
            queue: FeatureQueue::new(self.config.queue, &[width], seed, "queue", device)?,
        })
    }

    fn terms(
        &self,
        state: &mut Contrasted,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let StudentTeacher { student, teacher } = &state.networks;
        let [weak, strong] = batch.views();
        let query = lowest(&student.network, strong);
        let weak = config.key_geometry.apply(weak, self.mirrored, at);
        let key = lowest(&teacher.network, weak);
        let correspondence = dense_correspondence(query.clone(), key.clone());
        let queries = student.heads.forward(query);
        let keys = teacher.heads.forward(key);
        let negatives = state.negatives(config.negatives);
        let contrast = (self.contrast).forward(queries, keys.clone(), correspondence, negatives);
        state.queue.enqueue(pooled(keys))?;
        Ok(LossTerms::new().with("dense_contrast", 1.0, contrast))
    }

    fn after_step(&self, state: &mut Contrasted, _at: &StepContext) -> Result<(), MethodError> {
        state.networks.update_teacher(self.config.key_momentum);
        Ok(())
    }
}

/// Computes the encoder's feature map of the lowest resolution.
fn lowest(network: &Network, images: Tensor<5>) -> Tensor<5> {
    let [.., lowest] = network.encode(images);
    lowest
}

/// Computes the mean over all positions, `[batch, channels]`.
fn pooled(map: Tensor<5>) -> Tensor<2> {
    map.flatten::<3>(2, 4).mean_dim(2).squeeze_dim(2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{begun, context, off_average, run_steps};
    use burn::tensor::Distribution;
    use semivox_models::NetworkConfig;

    /// Views of one geometry that differ in brightness and contrast correspond position by position.
    #[test]
    fn aligned_views_correspond_to_themselves() {
        let device = crate::testing::device();
        let context = context(NetworkConfig::new(1, 2).with_filters(8), [48, 32, 32]);
        let network = context.student();
        let noise = Distribution::Normal(0.0, 1.0);
        let weak = Tensor::<5>::random([2, 1, 48, 32, 32], noise, &device);
        let strong = weak.clone() * 1.2 + 0.1;
        let [query, key] = [strong, weak].map(|images| lowest(&network, images));
        assert_eq!(query.dims()[2..], [3, 2, 2]);
        let found = dense_correspondence(query, key).into_data();
        let expected: Vec<i64> = (0..12).collect();
        assert_eq!(found.iter::<i64>().collect::<Vec<_>>(), expected.repeat(2));
    }

    /// After a step, key encoder and key head are averaged with the query's, and the queue holds a new key per image.
    #[test]
    fn keys_and_queue_follow() {
        const HALF: f64 = 0.5;
        let context = context(NetworkConfig::new(1, 2).with_filters(2), [32; 3]);
        let config = IdealConfig {
            key_momentum: HALF,
            ..IdealConfig::new(8)
        };
        let mut running = begun(DenseContrast::new(config, context.mirrored), &context);
        let before = running.state().clone();
        run_steps(&mut running, 0..1, &context);
        let after = running.state();
        let [old, new] = [&before, after].map(|state| &state.networks);
        let off = |followed| off_average(&new.teacher, [&old.teacher, followed], HALF);
        assert!(off(&new.student) < 1e-6 && off(&old.student) > 1e-5);
        assert_eq!((before.queue.filled(), after.queue.filled()), (0, 4));
    }

    #[test]
    fn negatives_are_what_was_enqueued() {
        let device = crate::testing::device();
        let config = IdealConfig::new(10);
        let context = context(NetworkConfig::new(1, 2).with_filters(1), [16; 3]);
        let stage = DenseContrast::new(config.clone(), context.mirrored);
        let networks = Handover::new(context.student());
        let mut state = stage.begin(networks, &context).unwrap();
        assert!(state.negatives(Negatives::Queue).is_none());
        let map = Tensor::<5>::ones([3, config.embedding, 2, 2, 1], &device) * 0.5;
        state.queue.enqueue(pooled(map)).unwrap();
        let negatives = state.negatives(Negatives::Queue).unwrap();
        assert_eq!(negatives.dims(), [3, config.embedding]);
        assert_eq!(negatives.mean().into_scalar::<f32>(), 0.5);
        assert!(state.negatives(Negatives::Batch).is_none());
    }
}
