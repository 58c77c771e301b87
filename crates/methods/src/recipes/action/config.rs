//! Settings of ACTION.

use semivox_losses::LocalDistillationForm;
use semivox_models::Resolution;
use serde::{Deserialize, Serialize};

use super::choices::{LabeledView, LastPatch, PseudoLabels, StudentPasses};
use crate::error::MethodError;
use crate::mixing::Mixing;
use crate::optimizer::OptimizerConfig;
use crate::schedule::split_steps;
use crate::student_teacher::TeacherMode;

/// Settings of ACTION; the defaults are those recommended for 3D volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionConfig {
    /// Numbers of iterations of the stages i, ii and iii.
    pub iterations: [u64; 3],
    /// Labeled and unlabeled patches per batch in stages i and ii.
    pub distillation_batch: [usize; 2],
    /// Labeled and unlabeled patches per batch in stage iii.
    pub contrast_batch: [usize; 2],
    /// View of the labeled patches that the student gets in stage iii.
    pub labeled_view: LabeledView,
    /// Whether labeled and unlabeled patches share one forward pass, and so batch statistics, in stage iii.
    pub student_passes: StudentPasses,
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// Whether stage iii has Nesterov momentum, as in the official code.
    #[serde(default = "yes")]
    pub nesterov: bool,
    /// EMA momentum `m` of the teacher and the key heads.
    pub teacher_momentum: f64,
    /// Mode of the teacher: batch statistics and dropout, as in the official code, or evaluation mode.
    pub teacher_mode: TeacherMode,
    /// `τ_s`, the student's temperature in both distillation losses.
    pub student_temperature: f64,
    /// `τ_t`, the teacher's temperature in both distillation losses.
    pub teacher_temperature: f64,
    /// Entries `K` of each memory bank.
    pub bank: usize,
    /// Width `D_g` of the global embeddings.
    pub global_width: usize,
    /// Side of the local patches, in voxels; this and the next two are 1 along an axis of one voxel.
    pub local_patch: usize,
    /// Stride of the local patches, in voxels.
    pub local_step: usize,
    /// Side to which a local patch is pooled.
    pub local_pooled: usize,
    /// Treatment of the local patches that end at the border.
    #[serde(default)]
    pub last_patch: LastPatch,
    /// Per-location loss, or the official code's reinterpreted buffer.
    pub local_loss: LocalDistillationForm,
    /// `k₁` and `k₂`, the weights of the global and the local loss in stage ii.
    pub distillation_weights: [f64; 2],
    /// `λ₁`, the weight of the anatomical contrast.
    pub contrast_weight: f64,
    /// `λ₂`, the weight of the unsupervised cross-entropy.
    pub unsupervised_weight: f64,
    /// Whether `λ₂` is ramped up over stage iii, by `exp(−5 (1 − t/T)²)`.
    #[serde(default)]
    pub unsupervised_ramp: bool,
    /// Whether `λ₂` is 0 in steps in which less than half of the labeled foreground voxels of the batch are given their
    /// class.
    #[serde(default)]
    pub pseudo_guard: bool,
    /// Voxels whose pseudo-label the unsupervised cross-entropy takes.
    #[serde(default)]
    pub pseudo_labels: PseudoLabels,
    /// `θ_s`, the strong threshold: confidence from which a voxel counts as certain.
    pub strong_threshold: f64,
    /// `θ_w`, the weak threshold: confidence from which a pseudo-labeled voxel takes part in the contrast.
    pub weak_threshold: f64,
    /// `τ`, the temperature of the contrast.
    pub contrast_temperature: f64,
    /// Query voxels per class and batch.
    pub queries: usize,
    /// Negative voxels per query.
    pub negatives: usize,
    /// Mixing of the unlabeled images of a batch.
    pub mixing: Mixing,
    /// Width of the representation head.
    pub representation_width: usize,
    /// Resolution of the representation head: that of the input, or half of it.
    pub representation_resolution: Resolution,
}

/// The default of `nesterov` in files written before it could be chosen.
fn yes() -> bool {
    true
}

impl ActionConfig {
    /// Returns the recommended settings for a run of `iterations` in total, split 1 : 1 : 6.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations: split_steps(iterations, [1, 1, 6]),
            distillation_batch: [1, 1],
            contrast_batch: [2, 2],
            labeled_view: LabeledView::Weak,
            student_passes: StudentPasses::Separate,
            optimizer: OptimizerConfig::default(),
            nesterov: true,
            teacher_momentum: 0.99,
            teacher_mode: TeacherMode::Train,
            student_temperature: 0.1,
            teacher_temperature: 0.01,
            bank: 36,
            global_width: 128,
            local_patch: 20,
            local_step: 10,
            local_pooled: 4,
            last_patch: LastPatch::Kept,
            local_loss: LocalDistillationForm::PerLocation,
            distillation_weights: [1.0, 1.0],
            contrast_weight: 0.01,
            unsupervised_weight: 1.0,
            unsupervised_ramp: false,
            pseudo_guard: false,
            pseudo_labels: PseudoLabels::All,
            strong_threshold: 0.97,
            weak_threshold: 0.7,
            contrast_temperature: 0.5,
            queries: 256,
            negatives: 512,
            mixing: Mixing::Cutmix,
            representation_width: 128,
            representation_resolution: Resolution::Full,
        }
    }

    /// Returns the settings of the official 3D script: 30k iterations per stage, `τ_t` 0.6, one image
    /// of each kind in stage iii, ClassMix (a no-op with that batch), and the local loss on the reinterpreted
    /// buffer. Its other defects are corrected as in the recommended settings.
    pub fn official_3d() -> Self {
        Self {
            iterations: [30_000; 3],
            teacher_temperature: 0.6,
            contrast_batch: [1, 1],
            mixing: Mixing::Classmix,
            local_loss: LocalDistillationForm::OfficialCode,
            ..Self::new(0)
        }
    }

    /// Returns the settings of the official 2D script, for slices of 256×256 and a U-Net: 30k iterations per stage,
    /// three images of each kind, four in stage iii, embeddings and representations of 512, and 36 local
    /// patches of 64×64 pooled to 8×8. Defects of the code are corrected as in the recommended settings.
    pub fn official_2d() -> Self {
        Self {
            iterations: [30_000; 3],
            distillation_batch: [3, 3],
            contrast_batch: [4, 4],
            global_width: 512,
            local_patch: 64,
            local_step: 32,
            local_pooled: 8,
            last_patch: LastPatch::Dropped,
            representation_width: 512,
            ..Self::new(0)
        }
    }
}

impl ActionConfig {
    /// Returns an ablation of the paper by its name. The iterations of a stage that is left out go to the next
    /// stage, those of the last stage to the one before:
    ///
    /// | name | change |
    /// |---|---|
    /// | `without_stage_ii` | no local distillation |
    /// | `without_stage_iii` | no anatomical contrast and no pseudo-labels |
    /// | `without_anco` | `λ₁ = 0` |
    /// | `without_unsup` | `λ₂ = 0` |
    ///
    /// The paper's ablation without randomly sampled images is missing, as it does not describe the replacement.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] if there is no such ablation.
    pub fn ablation(self, name: &str) -> Result<Self, MethodError> {
        let [global, local, contrast] = self.iterations;
        let mut config = self;
        match name {
            "without_stage_ii" => config.iterations = [global, 0, local + contrast],
            "without_stage_iii" => config.iterations = [global, local + contrast, 0],
            "without_anco" => config.contrast_weight = 0.0,
            "without_unsup" => config.unsupervised_weight = 0.0,
            _ => {
                let expected = "without_stage_ii, \
                     without_stage_iii, without_anco or without_unsup";
                return Err(MethodError::unknown("ablation of action", name, expected));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::method_settings::MethodSettings;

    #[test]
    fn the_total_is_split_without_loss() {
        for total in [0, 1, 7, 16, 2_000, 20_001] {
            assert_eq!(
                ActionConfig::new(total).iterations.iter().sum::<u64>(),
                total
            );
        }
        assert_eq!(ActionConfig::new(20_000).iterations, [2_500, 2_500, 15_000]);
        let mut equal = ActionConfig::official_3d();
        equal.set_iterations(100);
        assert_eq!(equal.iterations, [33, 33, 34]);
    }

    #[test]
    fn ablations_change_what_they_name_and_an_unknown_one_lists_them() {
        let of = |name: &str| ActionConfig::new(80).ablation(name).unwrap();
        assert_eq!(ActionConfig::new(80).iterations, [10, 10, 60]);
        assert_eq!(of("without_stage_ii").iterations, [10, 0, 70]);
        assert_eq!(of("without_stage_iii").iterations, [10, 70, 0]);
        assert_eq!(of("without_anco").contrast_weight, 0.0);
        assert_eq!(of("without_unsup").unsupervised_weight, 0.0);
        let message = ActionConfig::new(80).ablation("none").unwrap_err();
        assert!(message.to_string().contains("without_stage_iii"));
    }

    type Change = fn(&mut ActionConfig);
    /// Settings that must not be 0.
    const SIZES: [(&str, Change); 8] = [
        ("bank", |c| c.bank = 0),
        ("global_width", |c| c.global_width = 0),
        ("local_patch", |c| c.local_patch = 0),
        ("local_step", |c| c.local_step = 0),
        ("local_pooled", |c| c.local_pooled = 0),
        ("queries", |c| c.queries = 0),
        ("negatives", |c| c.negatives = 0),
        ("representation_width", |c| c.representation_width = 0),
    ];

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let check = |change: fn(&mut ActionConfig), patch| {
            let mut config = ActionConfig::new(80);
            change(&mut config);
            config.check(patch).unwrap_err().to_string()
        };
        let patch = [64, 64, 32];
        let text = check(|c| c.teacher_temperature = 0.0, patch);
        assert!(text.contains("teacher_temperature") && text.contains("found 0"));
        let text = check(|c| c.weak_threshold = 1.5, patch);
        assert!(text.contains("weak_threshold") && text.contains("1.5"));
        let text = check(|c| c.contrast_batch = [2, 0], patch);
        assert!(text.contains("contrast_batch"));
        let text = check(|_| (), [64, 64, 16]);
        assert!(text.contains("local_patch") && text.contains("[64, 64, 16]"));
        let text = check(|c| (c.local_patch, c.local_pooled) = (30, 8), patch);
        assert!(text.contains("local_pooled: expected a divisor of local_patch (30), found 8"));
        let text = check(|c| c.local_step = 8, patch);
        assert!(
            text.contains("local_step: expected a multiple of") && text.contains("(5), found 8")
        );
        for (key, change) in SIZES {
            let text = check(change, patch);
            assert!(
                text.contains(key) && text.contains("at least 1, found 0"),
                "{text}"
            );
        }
        assert!(check(|c| c.unsupervised_weight = -1.0, patch).contains("unsupervised_weight"));
        assert!(check(|c| c.bank = 1, patch).contains("method.bank: expected 2 or more"));
        // 4 patches of 2²² voxels are 2²⁴, as many as can be sampled, with 16 elements each, not with 128.
        let sampled = |contrast_batch, representation_width, representation_resolution| {
            let config = ActionConfig {
                contrast_batch,
                representation_width,
                representation_resolution,
                ..ActionConfig::new(80)
            };
            let checked = config.check([256, 256, 64]);
            checked.map_err(|error| error.to_string())
        };
        assert_eq!(sampled([2, 2], 16, Resolution::Full), Ok(()));
        let text = sampled([3, 2], 16, Resolution::Full).unwrap_err();
        assert!(
            text.contains("method.contrast_batch") && text.contains("[3, 2] with 20971520 voxels"),
            "{text}"
        );
        assert_eq!(sampled([3, 2], 16, Resolution::Half), Ok(()));
        assert!(sampled([2, 2], 128, Resolution::Full).is_err());
    }
}
