//! ACTION: anatomical-aware contrastive distillation.
//!
//! C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan, "Bootstrapping
//! Semi-supervised Medical Image Segmentation with Anatomical-aware
//! Contrastive Distillation", IPMI 2023, arXiv 2206.02307. Three stages, in
//! the paper's order:
//!
//! | stage | data | objective |
//! |---|---|---|
//! | i, global distillation | all images, no labels | `L_global` |
//! | ii, local distillation | all images, labels of some | `L_sup + k₁·L_global + k₂·L_local` |
//! | iii, anatomical contrast | labeled and pseudo-labeled | `L_sup + λ₂·L_unsup + λ₁·L_anco` |
//!
//! # Deviations
//!
//! The paper prints 2D experiments; its 3D numbers come from the authors'
//! later papers and code. Slices and a U-Net take the same stages; the 2D
//! script's numbers are [`ActionConfig::official_2d`]. Where paper and code
//! differ, this table says what is done here.
//!
//! | item | paper | official code | here |
//! |---|---|---|---|
//! | anchors | randomly sampled images | queue of 36 past teacher embeddings | the queue |
//! | distillation loss | prints `−log` inside `p_t`, `p_s` | softmax, then `KL(P_t‖P_s)` | as the code |
//! | `τ_t` | 0.01 | 0.6 in 3D | 0.01; `teacher_temperature` |
//! | local loss | per location | flat buffer reinterpreted without a transpose | per location; `local_loss = "official_code"` |
//! | views | weak to teacher, strong to student | one aliased tensor | weak to teacher, strong to a copy |
//! | strong view | – | jitter and blur through clamping and 8 bits | on floats, no clamping |
//! | order of mixing and strong view | – | mix, then jitter | jitter per image, then mix: both on the loader's host batch |
//! | key heads | – | optimized, not detached | copied at the start, EMA only, no gradient |
//! | latent of the global loss | bottleneck (2D) | bottleneck (2D), first decoder map (3D) | as the code: `features[0]` |
//! | decoder in stage i | – | frozen (2D) | reached by no gradient and no weight decay; in 3D above the first map |
//! | local patches | – | one that ends at the border is left out in 2D: 36 of 256×256 | `last_patch`, kept; dropped in `official_2d` |
//! | contrast similarity | dot product | cosine | cosine |
//! | contrast reduction | sum | mean over queries, mean over valid classes | as the code |
//! | `λ₁`, `λ₂` | not found | 0.01, 1 | 0.01, 1 |
//! | labeled view of stage iii | – | weak | weak; `labeled_view = "strong"` as in ReCo |
//! | student's passes of stage iii | – | two | two; `student_passes = "joint"` shares batch statistics |
//! | teacher at stage iii | – | restarted from the student | as the code |
//! | stage iii batch | 6 (2D) | 1 + 1 (3D), where mixing is a no-op | 2 + 2 with CutMix |
//! | stage lengths | epochs | 30k each | the given total split 1 : 1 : 6 (5k + 15k for LA in ACTION++) |
//! | representation head | – | input resolution, width 128 (3D) or 512 (2D) | `representation_resolution`, `representation_width` |
//! | CutMix box | – | half the plane, 20 of 80 slices (3D) | half the plane, a quarter of the slices, at least one |
//! | random deformation (2D) | – | of the images, not of their pseudo-labels | none |
//! | labels below input resolution | – | – | nearest voxel of the aligned-corner grid |
//! | teacher's mode | – | batch statistics and dropout | as the code; `teacher_mode = "eval"` |
//! | `compact` preset: `k₁`, `k₂`, jitter, stage lengths | – | 1, 1, 2 %, 30k each | 0.01, 0.01, 25 % per volume, 100/700/1,200: why stands in `presets/methods.rs` |
//! | `compact` preset: teacher, labeled view, passes | – | batch statistics, weak, two | evaluation mode, strong, one pass: likewise |
//! | `compact` preset on slices: `λ₂` | – | 1 | 0: likewise |
//! | student at test time | – | batch statistics (no evaluation mode) | evaluation mode |

mod config;
mod contrast;
mod distillation;
mod grid;
mod local;
mod losses;
mod settings;
mod state;

use burn::prelude::*;
use semivox_models::{Network, NetworkOutput, RepresentationHead};

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::method_settings::MethodSettings;
use crate::one_stage::NETWORKS;
use crate::optimizer::Optimizer;
use crate::recipe::{BatchPlan, Recipe, Setting, Stage, StepContext, StrongViews};
use crate::student_teacher::StudentTeacher;
use crate::terms::StepValues;

pub(crate) use config::Temperatures;
pub use config::{ActionConfig, LabeledView, LastPatch, StudentPasses};
pub(crate) use contrast::Maps;
use losses::Losses;
use state::StageState;

/// The recipe: student, teacher and what the current stage needs.
pub struct Action {
    config: ActionConfig,
    setting: Setting,
    networks: StudentTeacher<Network>,
    optimizer: Optimizer,
    state: StageState,
    losses: Losses,
}

impl Action {
    /// A run of the method from a new network.
    ///
    /// # Errors
    /// If a setting contradicts another.
    pub fn new(config: ActionConfig, setting: Setting) -> Result<Self, TrainError> {
        config.check(setting.patch)?;
        let state = StageState::new(0, &config, &setting)?;
        Ok(Self {
            networks: StudentTeacher::new(setting.student()),
            optimizer: config.optimizer.init(false),
            losses: Losses::new(&config, config.temperatures()),
            state,
            config,
            setting,
        })
    }

    /// The head that stage iii trains.
    pub(crate) fn representation_head(&self) -> Option<&RepresentationHead> {
        match &self.state {
            StageState::Distillation(_) => None,
            StageState::Contrast(head) => Some(head),
        }
    }

    /// Replaces the temperatures of the settings, for a method that schedules them.
    pub(crate) fn set_temperatures(&mut self, temperatures: Temperatures) {
        self.losses = Losses::new(&self.config, temperatures);
    }

    /// `θ_t ← m·θ_t + (1 − m)·θ_s`.
    fn move_teacher(&mut self) {
        let ActionConfig {
            teacher_momentum,
            teacher_mode,
            ..
        } = self.config;
        self.networks.move_teacher(teacher_momentum, teacher_mode);
    }

    /// The teacher's answer, which never carries a gradient.
    pub(crate) fn teach(&self, images: Tensor<5>) -> NetworkOutput {
        self.networks.teach(images, self.config.teacher_mode)
    }
}

impl Recipe for Action {
    fn stages(&self) -> Vec<Stage> {
        let names = [
            "i global distillation",
            "ii local distillation",
            "iii anatomical contrast",
        ];
        let plan = |stage: usize| {
            let contrast = stage == 2;
            let [labeled, unlabeled] = match contrast {
                true => self.config.contrast_batch,
                false => self.config.distillation_batch,
            };
            BatchPlan {
                labeled,
                unlabeled,
                replacement: contrast,
                strong: match (contrast, self.config.labeled_view) {
                    (true, LabeledView::Weak) => StrongViews::Unlabeled,
                    _ => StrongViews::All,
                },
            }
        };
        (0..3)
            .map(|stage| Stage {
                name: names[stage],
                steps: self.config.iterations[stage],
                plan: plan(stage),
            })
            .collect()
    }

    fn begin_stage(&mut self, index: usize) -> Result<(), TrainError> {
        self.optimizer = self.config.optimizer.init(index == 2);
        self.state = StageState::new(index, &self.config, &self.setting)?;
        if index == 2 {
            self.networks.restart_teacher();
        }
        Ok(())
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        match self.state.clone() {
            StageState::Distillation(state) => self.distill(*state, batch, at),
            StageState::Contrast(head) => {
                let (terms, _) = self.contrast_terms(&head, batch, at)?;
                self.descend_contrast(*head, terms, at)
            }
        }
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.config.optimizer.at(at)
    }

    fn network(&self) -> &Network {
        &self.networks.student
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.networks.save_as(checkpoint, NETWORKS)?;
        checkpoint.optimizer("optimizer", &self.optimizer)?;
        self.state.save(checkpoint)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.networks.load_from(checkpoint, NETWORKS)?;
        self.optimizer = checkpoint.optimizer("optimizer", self.optimizer.clone())?;
        self.state.load(checkpoint, &self.setting)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::module::{Module, ModuleVisitor, Param};
    use semivox_models::{Architecture, NetworkConfig};

    use super::*;
    use crate::optimizer::OptimizerConfig;
    use crate::schedule::LearningRate;
    use crate::testing::{
        batch, first_step, off_average, off_descent, run_stage, run_steps, setting, term,
    };

    /// The sums of all trainable parameters, by path.
    #[derive(Default)]
    struct Sums {
        path: Vec<String>,
        found: Vec<(String, f32)>,
    }

    impl ModuleVisitor for Sums {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.into());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                let sum = param.val().square().sum().into_scalar();
                self.found.push((self.path.join("."), sum));
            }
        }
    }

    fn sums(network: &Network) -> Vec<(String, f32)> {
        let mut sums = Sums::default();
        network.visit(&mut sums);
        sums.found
    }

    /// Slices of 32×32 with four classes and a tiny U-Net.
    fn slices() -> (Action, Setting) {
        let config = ActionConfig {
            iterations: [3, 100, 100],
            distillation_batch: [2, 2],
            global_width: 16,
            local_patch: 16,
            local_step: 8,
            last_patch: LastPatch::Dropped,
            queries: 16,
            negatives: 16,
            representation_width: 8,
            ..ActionConfig::official_2d()
        };
        // Without dropout, whose draws other tests of this process would disturb.
        let network = NetworkConfig::new(1, 4).with_filters(4).with_dropout(0.0);
        let network = network.with_architecture(Architecture::UNet);
        let setting = setting(network, [32, 32, 1]);
        (Action::new(config, setting.clone()).unwrap(), setting)
    }

    fn distillation(recipe: &Action) -> state::Distillation {
        match &recipe.state {
            StageState::Distillation(state) => state.as_ref().clone(),
            StageState::Contrast(_) => panic!("stage iii"),
        }
    }

    /// In stages i and ii teacher and keys follow the student of before the step, in stage iii the teacher that
    /// of after it. Half of the way, so that one cannot be taken for the other.
    #[test]
    fn teacher_keys_and_banks_follow_in_the_order_of_the_paper() {
        const HALF: f64 = 0.5;
        let (mut recipe, setting) = slices();
        recipe.config.teacher_momentum = HALF;
        for stage in [0, 1] {
            let teacher = recipe.networks.teacher.clone();
            recipe.begin_stage(stage).unwrap();
            let student = &recipe.networks.student;
            let kept = off_average(&recipe.networks.teacher, [&teacher, student], 1.0);
            assert_eq!(kept, 0.0, "the teacher stays");
            assert_eq!(distillation(&recipe).global_bank.filled(), 0);
            run_steps(&mut recipe, stage, 0..1, &setting);
            let (before, networks) = (distillation(&recipe), recipe.networks.clone());
            run_steps(&mut recipe, stage, 1..2, &setting);
            let (after, now) = (distillation(&recipe), &recipe.networks);

            let pair = [&networks.teacher, &networks.student];
            assert!(off_average(&now.teacher, pair, HALF) < 1e-6);
            let pair = [&networks.teacher, &now.student];
            assert!(off_average(&now.teacher, pair, HALF) > 1e-5);
            let pair = [&before.keys, &before.heads.projectors];
            assert!(off_average(&after.keys, pair, HALF) < 1e-6);
            let pair = [&before.keys, &after.heads.projectors];
            assert!(off_average(&after.keys, pair, HALF) > 1e-5);
            // Two labeled and two unlabeled patches a step.
            let banks = [Some(after.global_bank), after.local_bank];
            for bank in banks.iter().flatten() {
                assert_eq!((bank.filled(), bank.pointer()), (8, 8));
            }
            assert_eq!(banks[1].is_some(), stage == 1);
        }
        recipe.begin_stage(2).unwrap();
        let StudentTeacher { student, teacher } = recipe.networks.clone();
        assert_eq!(
            off_average(&teacher, [&student, &student], HALF),
            0.0,
            "restarted"
        );
        run_steps(&mut recipe, 2, 0..1, &setting);
        let now = &recipe.networks;
        assert!(off_average(&now.teacher, [&teacher, &now.student], HALF) < 1e-6);
        assert!(off_average(&now.teacher, [&teacher, &student], HALF) > 1e-5);
    }

    /// The contrast's means and negatives are constants to its gradient and not to its value, so that no value tells
    /// what a step descends on: the gradients of the terms themselves do.
    #[test]
    fn stage_iii_descends_on_its_terms_by_their_weights() {
        let (mut recipe, setting) = slices();
        recipe.config.optimizer = OptimizerConfig {
            learning_rate: 1.0,
            momentum: 0.0,
            weight_decay: 0.0,
            clip_norm: None,
            schedule: LearningRate::Constant,
        };
        recipe.config.unsupervised_weight = 0.7;
        recipe.config.contrast_weight = 0.4;
        // Low enough for pseudo-labels and high enough for queries.
        recipe.config.strong_threshold = 0.3;
        recipe.begin_stage(2).unwrap();
        let head = recipe.representation_head().unwrap().clone();
        let before = (recipe.networks.student.clone(), head.clone());
        let [labeled, unlabeled] = recipe.config.contrast_batch;
        let batch = batch([labeled, unlabeled], &setting, 0);
        let at = first_step(&setting);
        let (terms, _) = recipe.contrast_terms(&head, batch.clone(), &at).unwrap();
        let [supervised, unsupervised, contrast] =
            ["supervised", "unsupervised", "contrast"].map(|name| terms.term(name));
        let loss = supervised + unsupervised.mul_scalar(0.7) + contrast.mul_scalar(0.4);
        recipe.step(batch, &at).unwrap();
        let head = recipe.representation_head().unwrap().clone();
        let after = (recipe.networks.student.clone(), head);
        assert!(off_descent(&before, &after, loss) < 1e-5);
    }

    #[test]
    fn slices_go_through_all_stages_and_the_supervised_term_falls() {
        let (mut recipe, setting) = slices();
        let before = sums(recipe.network());
        let values = run_stage(&mut recipe, 0, &setting);
        assert_eq!(term(&values, "global").len(), 3);
        let moved = before.iter().zip(sums(recipe.network()));
        for ((path, before), (_, after)) in moved {
            let decoder = path.contains("decoder");
            assert_eq!(
                *before == after,
                decoder,
                "stage i trains the encoder: {path}"
            );
        }
        let mean = |steps: &[f64]| steps.iter().sum::<f64>() / steps.len() as f64;
        let ends = [1, 2].map(|stage| {
            let values = run_stage(&mut recipe, stage, &setting);
            let supervised = term(&values, "supervised");
            let (first, rest) = supervised.split_at(10);
            [mean(first), mean(&rest[rest.len() - 10..])]
        });
        let [[start, middle], [again, end]] = ends;
        assert!(middle < 0.9 * start, "stage ii: {start} to {middle}");
        assert!(
            end < again && end < 0.6 * start,
            "stage iii: {again} to {end}"
        );
    }
}
