//! Settings of BCP.

use serde::{Deserialize, Serialize};

use super::BidirectionalCopyPaste;
use crate::context::MethodContext;
use crate::copy_paste::BOX_SHARE;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_share,
    expect_weight,
};
use crate::optimizer::OptimizerConfig;
use crate::recipes::supervised::{Augmentation, Supervised, SupervisedConfig};
use crate::schedule::split_steps;

/// Settings of BCP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BcpConfig {
    /// Iterations of stage i (labeled patches alone) and of stage ii.
    pub iterations: [u64; 2],
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `β`, the share of each side that the box has.
    pub box_share: f64,
    /// `α`, the weight of the pseudo-labels.
    pub pseudo_weight: f64,
    /// Factor of the loss of stage ii. Published is 1, with which labels weigh 2; with 0.5 they weigh as in other methods.
    #[serde(default = "published")]
    pub loss_weight: f64,
    /// Whether pseudo-labels have no weight in steps in which less than half of the labeled foreground voxels are given
    /// their class. Off where a configuration lacks the key: it is older than the guard.
    #[serde(default)]
    pub pseudo_guard: bool,
    /// EMA momentum `m` of the teacher.
    pub teacher_momentum: f64,
    /// Whether only the largest component of each pseudo-labeled class is kept.
    pub largest_component: bool,
}

fn published() -> f64 {
    1.0
}

impl BcpConfig {
    /// Returns the paper's weights, with a quarter of `iterations` for stage i.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations: split_steps(iterations, [1, 3]),
            batch: [2, 2],
            optimizer: OptimizerConfig::comparable(),
            box_share: BOX_SHARE,
            pseudo_weight: 0.5,
            loss_weight: published(),
            pseudo_guard: true,
            teacher_momentum: 0.99,
            largest_component: true,
        }
    }

    /// Returns the settings of an ablation.
    fn ablation(mut self, name: &str) -> Result<Self, MethodError> {
        match name {
            "without_pretraining" => self.iterations = [0, self.iterations()],
            "all_components" => self.largest_component = false,
            _ => {
                let known = "without_pretraining or all_components";
                return Err(MethodError::unknown("ablation", name, known));
            }
        }
        Ok(self)
    }
}

impl MethodSettings for BcpConfig {
    ablations!();

    fn iterations(&self) -> u64 {
        self.iterations.iter().sum()
    }

    fn set_iterations(&mut self, iterations: u64) {
        self.iterations = split_steps(iterations, self.iterations);
    }

    fn stages(&mut self) -> &mut [u64] {
        &mut self.iterations
    }

    fn batch(&self) -> [usize; 2] {
        self.batch
    }

    fn optimizer(&self) -> &OptimizerConfig {
        &self.optimizer
    }

    fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
        self.optimizer = optimizer;
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.batch = batch;
    }

    fn label_weight(&self) -> f64 {
        2.0 * self.loss_weight
    }

    fn control(&self) -> &'static str {
        "supervised:copy_paste"
    }

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    fn maps_kept(&self) -> f64 {
        1.3
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        let longest = patch.into_iter().filter(|&side| side > 1);
        let some = longest
            .min()
            .map_or(1.0, |side| self.box_share * side as f64);
        let inside = some >= 1.0 && self.box_share < 1.0;
        let wanted = "below 1 and at least one voxel of each side of a patch";
        expect(inside, "box_share", wanted, self.box_share)?;
        expect_weight("pseudo_weight", self.pseudo_weight)?;
        expect_positive("loss_weight", self.loss_weight)?;
        expect_share("teacher_momentum", self.teacher_momentum)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        let mut method = Method::new(context);
        if self.iterations[0] > 0 {
            let stage = SupervisedConfig {
                iterations: self.iterations[0],
                batch: self.batch[0],
                optimizer: self.optimizer.clone(),
                augmentation: Augmentation::CopyPaste,
            };
            method = method.with_stage(Supervised::new("i labeled copy-paste", stage));
        }
        Ok(method.with_stage(BidirectionalCopyPaste::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::context;
    use semivox_models::NetworkConfig;

    #[test]
    fn a_quarter_of_the_run_is_pretraining_unless_it_is_left_out() {
        let config = BcpConfig::new(400);
        assert_eq!(config.iterations, [100, 300]);
        let stages = |config: &BcpConfig| {
            let context = context(NetworkConfig::new(1, 3).with_filters(2), [16, 16, 32]);
            config.method(context).unwrap().stages()
        };
        assert_eq!(stages(&config)[0].batch.counts(), [2, 0]);
        let alone = config.ablation("without_pretraining").unwrap();
        assert_eq!((alone.iterations, stages(&alone).len()), ([0, 400], 1));
        let message = BcpConfig::new(1).ablation("none").unwrap_err().to_string();
        assert!(message.contains("all_components"), "{message}");
    }

    #[test]
    fn configurations_older_than_the_guard_have_none() {
        let config = BcpConfig::new(10);
        assert!(config.pseudo_guard);
        let text = toml::to_string(&config).unwrap();
        let older = text.replace("pseudo_guard = true\n", "");
        assert_ne!(older, text);
        let config: BcpConfig = toml::from_str(&older).unwrap();
        assert!(!config.pseudo_guard);
    }

    #[test]
    fn a_box_without_a_voxel_is_refused() {
        let config = BcpConfig {
            box_share: 0.05,
            ..BcpConfig::new(10)
        };
        assert!(config.check([32, 32, 1]).is_ok());
        let message = config.check([32, 32, 16]).unwrap_err().to_string();
        assert!(
            message.contains("method.box_share") && message.contains("0.05"),
            "{message}"
        );
    }
}
