//! Adjustments of methods to the presets.

use semivox_models::Resolution;

use super::{Size, Task};
use semivox_methods::method_config::MethodConfig;
use semivox_methods::recipes::{
    ActionConfig, ActionPpConfig, BcpConfig, CvrlConfig, LabeledView, LastPatch, SimCvdConfig,
    SsNetConfig, StudentPasses, UniMatchConfig,
};
use semivox_methods::student_teacher::TeacherMode;

/// Iterations over all stages, and labeled and unlabeled patches per batch if they are not a method's default.
type Length = (u64, Option<[usize; 2]>);

/// Returns the published length of training; `usual` where a task has one for all methods.
///
/// - Left atrium: 6,000, as in UA-MT, DTC and SimCVD; 15,000 for MC-Net+ and SS-Net; 2k + 15k and a batch of 8 for BCP;
///   for other methods of several stages the 5k + 15k of ACTION++. FixMatch and UniMatch have no published length.
/// - ACDC: 30k for each of ACTION's stages with the batches of its code; 10k + 20k and a batch of 8 for ACTION++; 10k +
///   30k for BCP.
pub(super) fn published(task: Task, method: &str, usual: Length) -> Length {
    let staged = ["action", "action_pp", "ideal", "global_local"].contains(&method);
    match (task, method) {
        (Task::LeftAtrium, "mc_net_plus" | "ss_net") => (15_000, None),
        (Task::LeftAtrium, "bcp") => (17_000, Some([4, 4])),
        (Task::Acdc, "bcp") => (40_000, usual.1),
        (Task::LeftAtrium, _) if !staged => (6_000, None),
        (Task::Acdc, "action") => (90_000, None),
        (Task::Acdc, "action_pp") => (30_000, Some([4, 4])),
        _ => usual,
    }
}

/// Returns the method adjusted to the size of a preset and to its patches, which may be slices.
pub(super) fn fitted(method: MethodConfig, size: Size, patch: [usize; 3]) -> MethodConfig {
    let action = match (size, patch[2] == 1) {
        (Size::Smoke, _) => Some(smoke_action()),
        (Size::Quick | Size::Standard, false) => Some(short_action()),
        (Size::Quick | Size::Standard, true) => Some(short_action_2d()),
        (Size::Paper, true) => Some(paper_action_2d(patch)),
        (Size::Paper, false) => None,
    };
    match (size, method, action) {
        (_, MethodConfig::Action(_), Some(action)) => MethodConfig::Action(action),
        (Size::Smoke, MethodConfig::ActionPp(_), Some(action)) => {
            MethodConfig::ActionPp(smoke_action_pp(action))
        }
        (Size::Quick | Size::Standard, MethodConfig::ActionPp(_), Some(action)) => {
            MethodConfig::ActionPp(ActionPpConfig::of(action))
        }
        // One joint pre-training of a third of the iterations: 10k and 20k on ACDC.
        (Size::Paper, MethodConfig::ActionPp(_), Some(action)) => {
            MethodConfig::ActionPp(ActionPpConfig::of(ActionConfig {
                iterations: [0, 1, 2],
                ..action
            }))
        }
        (Size::Quick | Size::Standard, MethodConfig::Cvrl(method), _) => {
            MethodConfig::Cvrl(short_cvrl(method))
        }
        (Size::Paper, MethodConfig::Bcp(method), _) if patch[2] > 1 => {
            MethodConfig::Bcp(BcpConfig {
                iterations: [2, 15],
                ..method
            })
        }
        (_, MethodConfig::McNetPlus(method), _) if patch[2] == 1 => {
            MethodConfig::McNetPlus(method.with_weights_of_slices())
        }
        (Size::Smoke | Size::Quick | Size::Standard, MethodConfig::SimCvd(method), _) => {
            MethodConfig::SimCvd(small_simcvd(method))
        }
        (_, MethodConfig::SsNet(method), _) => MethodConfig::SsNet(fitted_ss_net(method, patch)),
        (_, MethodConfig::UniMatch(method), _) if patch[2] > 1 => {
            MethodConfig::UniMatch(UniMatchConfig {
                pseudo_mode: TeacherMode::Eval,
                ..method
            })
        }
        (_, method, _) => method,
    }
}

/// The standard deviation of a scan as a share of its range: the median of the 160 volumes of ACDC, which have 0.034 to 0.215.
const DEVIATION_IN_RANGE: f64 = 0.15;

/// Returns SS-Net with its code's settings for volumes or slices, and perturbations that change a voxel as much as there.
///
/// `ε` and `ξ` are norms over a whole patch, in its code of 112×112×80 z-scored voxels or of 256×256 pixels with intensities
/// from 0 to 1. They are scaled with the root of the number of voxels, and for slices, which are z-scored here, to standard
/// deviations.
fn fitted_ss_net(method: SsNetConfig, patch: [usize; 3]) -> SsNetConfig {
    let (official, voxels, unit) = match patch[2] == 1 {
        true => {
            let slices = SsNetConfig {
                batch: method.batch,
                ..SsNetConfig::official_2d(method.iterations)
            };
            (slices, [256, 256, 1], DEVIATION_IN_RANGE)
        }
        false => (method, [112, 112, 80], 1.0),
    };
    let [here, there] = [patch, voxels].map(|sides| sides.iter().product::<usize>() as f64);
    let scaled = |norm: f64| (100.0 * norm * (here / there).sqrt() / unit).round() / 100.0;
    SsNetConfig {
        magnitude: scaled(official.magnitude),
        probe: scaled(official.probe),
        ..official
    }
}

/// Returns the official settings for slices; local patches have half the side in slices that are too small for them.
fn paper_action_2d(patch: [usize; 3]) -> ActionConfig {
    let official = ActionConfig::official_2d();
    match patch[0].min(patch[1]) < official.local_patch {
        true => halved_patches(official),
        false => official,
    }
}

fn halved_patches(config: ActionConfig) -> ActionConfig {
    ActionConfig {
        local_patch: 32,
        local_step: 16,
        local_pooled: 8,
        last_patch: LastPatch::Dropped,
        ..config
    }
}

/// Sets the side to which slices are pooled to 64, so that the slices of the left atrium's small patches, which are
/// 64×64, are not pooled.
fn small_simcvd(method: SimCvdConfig) -> SimCvdConfig {
    SimCvdConfig {
        pooled: 64,
        ..method
    }
}

/// Returns ACTION for a tiny run: fewer queries and a narrower head, so that a
/// step stays cheap on a laptop.
fn smoke_action() -> ActionConfig {
    ActionConfig {
        queries: 64,
        negatives: 64,
        representation_width: 16,
        representation_resolution: Resolution::Half,
        ..ActionConfig::new(320)
    }
}

/// Returns ACTION++ for a tiny run, with a memory bank that so few steps fill.
fn smoke_action_pp(action: ActionConfig) -> ActionPpConfig {
    ActionPpConfig {
        voxels: 64,
        queue: 1_024,
        ..ActionPpConfig::of(action)
    }
}

/// Returns ACTION for 2,000 iterations.
///
/// - Stage ii has to reach usable pseudo-labels before stage iii learns from
///   them, so it gets a larger share than 1 : 1 : 6 would leave it.
/// - `k₁` and `k₂` are 0.01. Both distillation losses divide cosines by 0.1
///   and pull much harder on the network than the cross-entropy, a mean over
///   all voxels. Measured on LA with 8 labels, one run each, mean supervised
///   term after 350 to 400 steps of stage ii: 0.30 with both at 1 and `τ_t`
///   0.01 (noise decides which anchor is the target); 0.23, then rising, with
///   both at 1 and the official 3D script's `τ_t` of 0.6 (the student evens its
///   patches out), both with 2 % of jitter; 0.24 with `k₂` = 0.01 alone; 0.18
///   with both at 0.01.
/// - The teacher is in evaluation mode: dropout would drop some of its last
///   channels. In stage iii the labeled patches have the strong view too.
///   Measured with 8 labels on labels of training cases that the method does
///   not see, mean Dice on every sixth such case (12) and on the 12 whose
///   atrium stands out least: teacher in train mode 0.844 and 0.669, in
///   evaluation mode 0.846 and 0.708, with the strong view as well 0.848 and
///   0.754, and in a second run 0.852 and 0.638. (Supervised: 0.560 on the
///   latter.) Where the atrium is dark, runs differ more than settings.
/// - In stage iii the student sees both kinds of patches in one pass, so that its
///   running statistics are those of one population: 0.857 and 0.691 on the same
///   hidden labels. The reason for trying this is in `docs/results_compact.md`.
/// - Pseudo-labels have no weight in the cross-entropy where the student does not find half of the labeled foreground, as
///   in BCP, FixMatch and UniMatch.
/// - Two patches of each kind in every stage, as the preset says, and no Nesterov momentum: the optimizer of all methods.
/// - The representation head works at half resolution and with 16 channels
///   (the width of ARCO's 3D code), as its 3×3×3 convolution would otherwise
///   cost more than the whole network.
fn short_action() -> ActionConfig {
    ActionConfig {
        iterations: [100, 700, 1_200],
        distillation_batch: [2, 2],
        distillation_weights: [0.01, 0.01],
        teacher_mode: TeacherMode::Eval,
        labeled_view: LabeledView::Strong,
        student_passes: StudentPasses::Joint,
        nesterov: false,
        pseudo_guard: true,
        representation_resolution: Resolution::Half,
        representation_width: 16,
        ..ActionConfig::new(2_000)
    }
}

/// Returns ACTION for slices of 128×128: the settings of [`short_action`], four
/// slices of each kind, and local patches of half the official side, so that there are 36 of them
/// here too (100 in slices of 192×192).
///
/// `λ₂` is 0: no cross-entropy on pseudo-labels, which still take part in the contrast at a weight of
/// 0.01. With seven patients the teacher of stage iii takes most of an unlabeled heart for background,
/// with confidence, and the student follows. Measured on ACDC after 1,000 iterations, mean Dice on
/// labels of ten training patients that no run sees: supervised 0.43, `λ₂` of 1 0.11, the same with a
/// longer stage ii 0.10, `λ₂` of 0 0.51. Official runs have 30,000 iterations before stage iii.
fn short_action_2d() -> ActionConfig {
    ActionConfig {
        distillation_batch: [4, 4],
        contrast_batch: [4, 4],
        unsupervised_weight: 0.0,
        pseudo_guard: false,
        ..halved_patches(short_action())
    }
}

/// Returns CVRL (reconstruction) for 2,000 iterations: `w_b` and `w_f` are 0.01, the smallest of the values proposed
/// for a sweep, instead of 0.1.
///
/// - Contrast at 0.1 outweighs the labels. Norms of the weighted gradients in encoder and decoder, one batch each.
///   New network on LA: cross-entropy and Dice 0.55 and 0.72, `high_batch` 9.2 and 2.9, `high_feature` 14.6 and 4.4,
///   `low_batch` 8.9 and 3.5, `low_feature` 2.3 and 1.0. After 40 steps on phantoms: 0.09 and 0.40 against 0.39 and
///   0.08, 0.32 and 0.07, 0.40 and 0.86, 0.04 and 0.10. At the end of the run with 8 labels and 0.1 in
///   `docs/results_compact.md`, `low_batch` still has 0.33 and 0.48 against 0.53 and 0.55, the other terms at most half as much.
/// - The low level costs most: there every voxel has to differ from all others, those of its own class too, in the few
///   channels that the segmentation reads.
/// - By these norms, 0.01 puts every term below the labels' once the first steps are over. Mean supervised term on LA,
///   8 labels, over steps 201 to 250, one run each: 0.296 with both levels at 0.1, 0.210 with the high level alone at
///   0.1, 0.190 with both at 0.01, 0.217 for the mean teacher. Whole runs: `docs/results_compact.md`.
fn short_cvrl(method: CvrlConfig) -> CvrlConfig {
    CvrlConfig {
        batch_weight: 0.01,
        feature_weight: 0.01,
        ..method
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voxel is perturbed as in the code, in standard deviations.
    #[test]
    fn perturbations_of_ss_net_have_the_size_of_the_codes_in_every_patch() {
        let found = |task: Task, size| match task.preset(size, "ss_net").map(|c| c.method) {
            Ok(MethodConfig::SsNet(config)) => [config.magnitude, config.probe],
            other => panic!("{other:?}"),
        };
        assert_eq!(found(Task::LeftAtrium, "paper"), [10.0, 10.0]);
        // √(64·64·48 / (112·112·80)) = 0.4426
        assert_eq!(found(Task::LeftAtrium, "quick"), [4.43, 4.43]);
        // 6 / 0.15 and 10 / 0.15; a quarter of the pixels has half of them.
        assert_eq!(found(Task::Acdc, "paper"), [40.0, 66.67]);
        assert_eq!(found(Task::Acdc, "quick"), [20.0, 33.33]);
    }

    /// Slices have the settings of the codes for slices.
    #[test]
    fn volumes_and_slices_have_their_own_settings() {
        let of = |task: Task, method, key: &str| {
            let config = task.preset("quick", method).map(|config| config.method);
            let table = config.map(|method| toml::Table::try_from(method).map(|t| t[key].clone()));
            table
                .ok()
                .and_then(Result::ok)
                .map(|value| value.to_string())
        };
        for (method, key, volumes, slices) in [
            ("unimatch", "pseudo_mode", "\"eval\"", "\"train\""),
            ("mc_net_plus", "ramp_share", "0.4", "1.0"),
            ("mc_net_plus", "supervised_weight", "0.5", "0.5"),
            ("mc_net_plus", "consistency_weight", "1.0", "0.1"),
            ("ss_net", "ramp_share", "0.4", "1.0"),
            ("ss_net", "smoothness_weight", "1.0", "0.1"),
        ] {
            for (task, expected) in [(Task::LeftAtrium, volumes), (Task::Acdc, slices)] {
                let found = of(task, method, key);
                assert_eq!(found.as_deref(), Some(expected), "{task} {method} {key}");
            }
        }
    }

    #[test]
    fn pseudo_labels_of_action_wait_for_the_labels_in_short_runs_on_volumes() {
        let guard = |task: Task, size| match task.preset(size, "action").map(|c| c.method) {
            Ok(MethodConfig::Action(config)) => config.pseudo_guard,
            other => panic!("{other:?}"),
        };
        for size in ["quick", "standard"] {
            assert!(guard(Task::Hippocampus, size));
            // There the cross-entropy on them has no weight.
            assert!(!guard(Task::Acdc, size));
        }
        assert!(!guard(Task::LeftAtrium, "paper"));
    }
}
