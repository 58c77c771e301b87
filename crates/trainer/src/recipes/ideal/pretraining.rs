//! Stage i: dense contrast between a query and a key encoder.

use burn::prelude::*;
use semivox_losses::dense_correspondence;
use semivox_models::{DenseProjector, DenseProjectorConfig, Network};
use semivox_sampling::FeatureQueue;

use super::{Ideal, IdealConfig, Negatives, State};
use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::ema::{ema_update, teacher_of};
use crate::error::TrainError;
use crate::one_stage::HEADS;
use crate::recipe::{Recipe, Setting, StepContext};
use crate::student_teacher::{StudentTeacher, TeacherMode};
use crate::terms::{LossTerms, StepValues};

/// The key encoder's name in a checkpoint.
const KEYS: &str = "keys";
/// The queue's name in a checkpoint.
const QUEUE: &str = "queue";

/// Key encoder, heads and queue.
#[derive(Debug, Clone)]
pub(super) struct Pretraining {
    keys: Network,
    heads: StudentTeacher<DenseProjector>,
    queue: FeatureQueue,
}

impl Pretraining {
    /// A key encoder that is the query's, new heads and an empty queue.
    pub(super) fn new(
        network: &Network,
        config: &IdealConfig,
        setting: &Setting,
    ) -> Result<Self, TrainError> {
        let channels = setting.network.channels_after(0);
        let head = DenseProjectorConfig::new(channels, channels).with_embedding(config.embedding);
        let head = setting.drawn(|device| head.init(device));
        let (seed, device) = (setting.seed, &setting.device);
        Ok(Self {
            keys: teacher_of(network),
            heads: StudentTeacher::new(head),
            queue: FeatureQueue::new(config.queue, &[config.embedding], seed, QUEUE, device)?,
        })
    }

    /// The negatives: what was enqueued, or none to take the batch's own.
    fn negatives(&self, negatives: Negatives) -> Option<Tensor<2>> {
        let filled = self.queue.filled();
        let queued = negatives == Negatives::Queue && filled > 0;
        queued.then(|| self.queue.entries::<2>().narrow(0, 0, filled))
    }

    pub(super) fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module(KEYS, &self.keys)?;
        self.heads.save_as(checkpoint, HEADS)?;
        checkpoint.queue(QUEUE, &self.queue)
    }

    pub(super) fn load(
        &mut self,
        checkpoint: &CheckpointReader,
        setting: &Setting,
    ) -> Result<(), TrainError> {
        self.keys = checkpoint.module(KEYS, self.keys.clone())?;
        self.heads.load_from(checkpoint, HEADS)?;
        self.queue = checkpoint.queue(QUEUE, &setting.device)?;
        Ok(())
    }
}

impl Ideal {
    /// Stage i: each position of the query is to be found in the key, where the features say.
    pub(super) fn pretrain(
        &mut self,
        mut state: Pretraining,
        batch: Batch,
        at: &StepContext,
    ) -> Result<StepValues, TrainError> {
        let config = &self.config;
        let [weak, strong] = batch.views();
        let query = lowest(&self.network, strong);
        let key = lowest(
            &state.keys,
            config.key_geometry.apply(weak, self.setting.mirrored, at),
        );
        let correspondence = dense_correspondence(query.clone(), key.clone());
        let queries = state.heads.student.forward(query);
        let keys = state.heads.teacher.forward(key);
        let negatives = state.negatives(config.negatives);
        let contrast = &self.losses.contrast;
        let contrast = contrast.forward(queries, keys.clone(), correspondence, negatives);
        let terms = LossTerms::new().with("dense_contrast", 1.0, contrast);

        let momentum = config.key_momentum;
        let module = (self.network.clone(), state.heads.student.clone());
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        (self.network, state.heads.student) = module;
        state.keys = ema_update(state.keys, &self.network, momentum);
        state.heads.move_teacher(momentum, TeacherMode::Train);
        state.queue.enqueue(pooled(keys))?;
        self.state = State::Pretraining(Box::new(state));
        Ok(values)
    }
}

/// The encoder's map of the lowest resolution.
fn lowest(network: &Network, images: Tensor<5>) -> Tensor<5> {
    let [.., lowest] = network.encode(images);
    lowest
}

/// The mean over all positions, `[batch, channels]`.
fn pooled(map: Tensor<5>) -> Tensor<2> {
    map.flatten::<3>(2, 4).mean_dim(2).squeeze_dim(2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presets::preset;
    use crate::recipe::Recipe;
    use crate::testing::{off_average, run_steps, setting};
    use burn::tensor::Distribution;
    use semivox_models::NetworkConfig;

    /// Views of one geometry that differ in brightness and contrast correspond position by position.
    #[test]
    fn aligned_views_correspond_to_themselves() {
        let device = Device::flex().autodiff();
        let setting = preset("smoke", "ideal").unwrap().setting(2, &device);
        let network = setting.student();
        let noise = Distribution::Normal(0.0, 1.0);
        let weak = Tensor::<5>::random([2, 1, 48, 32, 32], noise, &device);
        let strong = weak.clone() * 1.2 + 0.1;
        let [query, key] = [strong, weak].map(|images| lowest(&network, images));
        assert_eq!(query.dims()[2..], [3, 2, 2]);
        let found = dense_correspondence(query, key).into_data();
        let expected: Vec<i64> = (0..12).collect();
        assert_eq!(found.iter::<i64>().collect::<Vec<_>>(), expected.repeat(2));
    }

    /// After the step keys follow the query's encoder and head, and the queue takes a key of each image.
    #[test]
    fn keys_and_queue_follow() {
        const HALF: f64 = 0.5;
        let setting = setting(NetworkConfig::new(1, 2).with_filters(2), [32; 3]);
        let config = IdealConfig {
            key_momentum: HALF,
            ..IdealConfig::new(8)
        };
        let mut recipe = Ideal::new(config, setting.clone()).unwrap();
        recipe.begin_stage(0).unwrap();
        let state = |recipe: &Ideal| match &recipe.state {
            State::Pretraining(state) => state.as_ref().clone(),
            State::FineTuning(_) => panic!("stage ii"),
        };
        let (before, network) = (state(&recipe), recipe.network.clone());
        run_steps(&mut recipe, 0, 0..1, &setting);
        let after = state(&recipe);
        let off = |network: &Network| off_average(&after.keys, [&before.keys, network], HALF);
        assert!(off(&recipe.network) < 1e-6 && off(&network) > 1e-5);
        let (old, new) = (&before.heads, &after.heads);
        assert!(off_average(&new.teacher, [&old.teacher, &new.student], HALF) < 1e-6);
        assert!(off_average(&new.teacher, [&old.teacher, &old.student], HALF) > 1e-6);
        assert_eq!((before.queue.filled(), after.queue.filled()), (0, 4));
    }

    #[test]
    fn negatives_are_what_was_enqueued() {
        let device = Device::flex().autodiff();
        let config = IdealConfig::new(10);
        let setting = preset("smoke", "ideal").unwrap().setting(2, &device);
        let mut state = Pretraining::new(&setting.student(), &config, &setting).unwrap();
        assert!(state.negatives(Negatives::Queue).is_none());
        let map = Tensor::<5>::ones([3, config.embedding, 2, 2, 1], &device) * 0.5;
        state.queue.enqueue(pooled(map)).unwrap();
        let negatives = state.negatives(Negatives::Queue).unwrap();
        assert_eq!(negatives.dims(), [3, config.embedding]);
        assert_eq!(negatives.mean().into_scalar::<f32>(), 0.5);
        assert!(state.negatives(Negatives::Batch).is_none());
    }
}
