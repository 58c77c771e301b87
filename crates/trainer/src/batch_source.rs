//! Drawing of batches from preprocessed volumes.
//!
//! Workers draw and augment patches on the host; the loop moves a finished
//! batch to the device when it uses it, so that device memory holds at most
//! one batch.

use std::sync::Arc;

use semivox_data::augment::{LabelSwap, StrongView, WeakParams, WeakView};
use semivox_data::rng::keyed;
use semivox_data::{IGNORED, Image};
use semivox_sampling::{TwoStreamBatch, TwoStreamSampler, UniformSampler};

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::training_set::TrainingSet;
use semivox_losses::IGNORED_LABEL;
use semivox_methods::batch::{HostBatch, HostViews};
use semivox_methods::plan::{BatchPlan, StrongViews};

/// Draws the batches of one stage; a pure function of the step.
#[derive(Debug)]
pub struct BatchSource {
    set: Arc<TrainingSet>,
    cases: Cases,
    weak: WeakView,
    label_swap: LabelSwap,
    strong: StrongView,
    views: StrongViews,
    channels: usize,
    seed: u64,
}

/// The sampler that chooses the cases of a step.
#[derive(Debug)]
enum Cases {
    Epochs(TwoStreamSampler),
    Replacement(UniformSampler),
}

impl Cases {
    fn batch(&self, step: u64) -> TwoStreamBatch {
        match self {
            Self::Epochs(sampler) => sampler.batch(step),
            Self::Replacement(sampler) => sampler.batch(step),
        }
    }
}

impl BatchSource {
    /// Creates a source of the batches that `plan` describes.
    ///
    /// # Errors
    /// If the plan asks for a kind of case that the set does not have.
    pub fn new(
        config: &RunConfig,
        set: Arc<TrainingSet>,
        plan: BatchPlan,
    ) -> Result<Self, TrainError> {
        let (seed, sizes) = (config.seed, (set.labeled.len(), set.unlabeled.len()));
        let (labeled, unlabeled) = (plan.labeled, plan.unlabeled);
        let cases = if plan.replacement {
            Cases::Replacement(UniformSampler::new(
                seed, sizes.0, sizes.1, labeled, unlabeled,
            )?)
        } else {
            Cases::Epochs(TwoStreamSampler::new(
                seed, sizes.0, sizes.1, labeled, unlabeled,
            )?)
        };
        Ok(Self {
            set,
            cases,
            weak: WeakView {
                patch: config.patch,
                symmetries: config.weak_view,
            },
            label_swap: config.label_swap.clone(),
            strong: config.strong_view,
            views: plan.strong,
            channels: config.data.channel_count(),
            seed,
        })
    }

    /// Returns the batch of a step, in host memory.
    pub fn batch(&self, step: u64) -> HostBatch {
        let cases = self.cases.batch(step);
        let strong = self.views.counts();
        let mut batch = HostBatch {
            patch: self.weak.patch,
            channels: self.channels,
            labels: Vec::new(),
            labeled: HostViews::default(),
            unlabeled: HostViews::default(),
        };
        for (slot, case) in cases.labeled.into_iter().enumerate() {
            let case = &self.set.labeled[case];
            let image = &case.scan.image;
            let weak = self.add(
                &mut batch.labeled,
                image,
                step,
                &format!("labeled {slot}"),
                strong[0],
            );
            let mut labels = weak.labels(case.labels.data.view(), 0);
            self.label_swap.apply(weak.flip, &mut labels);
            batch
                .labels
                .extend(labels.iter().map(|&label| target(label)));
        }
        for (slot, case) in cases.unlabeled.into_iter().enumerate() {
            let image = &self.set.unlabeled[case].scan.image;
            self.add(
                &mut batch.unlabeled,
                image,
                step,
                &format!("unlabeled {slot}"),
                strong[1],
            );
        }
        batch
    }

    /// Adds the weak view of one patch and `strong` strong ones; returns the geometry they share.
    fn add(
        &self,
        views: &mut HostViews,
        image: &Image,
        step: u64,
        purpose: &str,
        strong: usize,
    ) -> WeakParams {
        let mut rng = keyed(self.seed, step, purpose);
        let geometry = self.weak.draw(&mut rng, image.shape());
        let channels = image.channels();
        let strong: Vec<_> = (0..strong)
            .map(|_| (self.strong).draw_channels(&mut rng, self.weak.patch, channels.len()))
            .collect();
        views.count += 1;
        for (index, channel) in channels.iter().enumerate() {
            let patch = geometry.image(channel.data.view(), 0.0);
            for (drawn, seen) in strong.iter().zip([&mut views.strong, &mut views.second]) {
                let mut patch = patch.clone();
                drawn[index].apply(&mut patch);
                seen.extend(&patch);
            }
            views.weak.extend(&patch);
        }
        geometry
    }
}

/// Returns the label of a voxel in the numbering of the losses.
fn target(label: u8) -> i32 {
    match label {
        IGNORED => IGNORED_LABEL as i32,
        class => i32::from(class),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presets::preset;
    use ndarray::Array3;
    use semivox_data::augment::JitterConfig;
    use semivox_data::cache::{LabeledScan, UnlabeledScan};
    use semivox_data::inspect::{CaseFacts, Role};
    use semivox_data::preprocess::Preprocess;
    use semivox_data::{Geometry, LabelMap, Volume};

    /// A scan of label 1 at low indices of the first axis and label 2 elsewhere, as bright as its label.
    fn sides() -> Arc<TrainingSet> {
        let labels = Array3::from_shape_fn((32, 32, 32), |(x, ..)| if x < 16 { 1 } else { 2 });
        let geometry = Geometry::from_spacing([1.0; 3]);
        let image = Volume::new(labels.mapv(f32::from), geometry);
        let labels = LabelMap::new(labels, geometry);
        let (scan, labels) = Preprocess::default()
            .apply_labeled(&image, &labels)
            .unwrap();
        let id = "sides".to_string();
        let facts = CaseFacts::of(&id, Role::Labeled, &scan.image, Some(&labels));
        Arc::new(TrainingSet {
            labeled: vec![Arc::new(LabeledScan {
                id,
                scan,
                labels,
                facts,
            })],
            ..TrainingSet::default()
        })
    }

    /// In a mirror image the left is on the other side: with the labels exchanged, label 1 stays at low indices.
    #[test]
    fn pairs_of_labels_change_with_the_side() {
        let mut config = preset("smoke", "supervised").unwrap();
        config.patch = [32; 3];
        config.weak_view.rotate = false;
        config.weak_view.flip_probability = 1.0;
        config.weak_view.flip_axes = [true, false, false];
        let first_label = |config: &RunConfig| {
            let plan = BatchPlan::new([1, 0], StrongViews::None);
            let source = BatchSource::new(config, sides(), plan).unwrap();
            let batch = source.batch(0);
            // The image is mirrored either way.
            assert!(batch.labeled.weak[0] > batch.labeled.weak[32 * 32 * 32 - 1]);
            batch.labels[0]
        };
        assert_eq!(first_label(&config), 2);
        config.label_swap.pairs = vec![[1, 2]];
        assert_eq!(first_label(&config), 1);
        config.label_swap.axis = 1;
        assert_eq!(first_label(&config), 2);
    }

    /// A plan's strong views are drawn, the second one apart from the first.
    #[test]
    fn strong_views_are_those_of_the_plan() {
        let mut config = preset("smoke", "supervised").unwrap();
        config.patch = [32; 3];
        config.strong_view.jitter = Some(JitterConfig {
            probability: 1.0,
            ..JitterConfig::default()
        });
        let set = sides();
        let case = &set.labeled[0];
        let unlabeled = UnlabeledScan {
            id: case.id.clone(),
            scan: case.scan.clone(),
            facts: case.facts.clone(),
        };
        let set = Arc::new(TrainingSet {
            labeled: set.labeled.clone(),
            unlabeled: vec![Arc::new(unlabeled)],
            ..TrainingSet::default()
        });
        let batch = |views| {
            let plan = BatchPlan::new([1, 1], views);
            let source = BatchSource::new(&config, set.clone(), plan).unwrap();
            source.batch(3)
        };
        let once = batch(StrongViews::Unlabeled);
        let twice = batch(StrongViews::UnlabeledTwice);
        assert!(once.unlabeled.second.is_empty() && once.labeled.strong.is_empty());
        assert_eq!(once.unlabeled.strong, twice.unlabeled.strong);
        assert_eq!(twice.unlabeled.second.len(), twice.unlabeled.weak.len());
        assert_ne!(twice.unlabeled.second, twice.unlabeled.strong);
        assert_ne!(twice.unlabeled.second, twice.unlabeled.weak);
        let labeled = batch(StrongViews::Labeled);
        assert!(labeled.unlabeled.strong.is_empty());
        assert_eq!(labeled.labeled.strong.len(), labeled.labeled.weak.len());
        assert_ne!(labeled.labeled.strong, labeled.labeled.weak);
    }

    /// Ignored voxels are never exchanged, and keep their place in the patch.
    #[test]
    fn ignored_voxels_keep_their_label() {
        let mut config = preset("smoke", "supervised").unwrap();
        config.patch = [32; 3];
        config.label_swap.pairs = vec![[1, 2]];
        let mut set = TrainingSet {
            labeled: sides().labeled.clone(),
            ..TrainingSet::default()
        };
        let scan = Arc::make_mut(&mut set.labeled[0]);
        scan.labels
            .data
            .mapv_inplace(|label| if label == 1 { IGNORED } else { label });
        let plan = BatchPlan::new([1, 0], StrongViews::None);
        let source = BatchSource::new(&config, Arc::new(set), plan).unwrap();
        for step in 0..8 {
            let batch = source.batch(step);
            for (&label, &brightness) in batch.labels.iter().zip(&batch.labeled.weak) {
                assert_eq!(label < 0, brightness < 0.0);
                assert!([-1, 1, 2].contains(&label));
            }
        }
    }
}
