//! Stochastic gradient descent (SGD) with a learning rate schedule.

use std::fmt;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use serde::{Deserialize, Serialize};

use crate::clip::clip_gradients;
use crate::error::MethodError;
use crate::expect::{expect, expect_positive};
use crate::schedule::LearningRate;
use crate::sgd::Sgd;
use crate::step_context::StepContext;

/// Settings of SGD with momentum and L2 weight decay, and its learning rate schedule.
///
/// ```text
/// g ← ∇L + wd·θ,   v ← momentum·v + g,   θ ← θ − lr·v
/// ```
///
/// Dampening is 0 as in PyTorch; Burn's own default of 0.1 would scale every
/// gradient after the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Base learning rate.
    pub learning_rate: f64,
    /// Momentum coefficient.
    pub momentum: f64,
    /// Weight decay coefficient.
    pub weight_decay: f64,
    /// Global norm to which gradients are clipped; without it they are not clipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Learning rate schedule.
    pub schedule: LearningRate,
    /// The steps over which the schedule runs.
    #[serde(default)]
    pub span: ScheduleSpan,
}

/// The steps over which a learning rate schedule runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleSpan {
    /// Those of each stage: every stage starts again at the base rate.
    #[default]
    Stage,
    /// Those of the whole run, over all stages.
    Run,
}

impl Default for OptimizerConfig {
    /// Learning rate 0.01, momentum 0.9, weight decay 1e-4, polynomial decay with power 0.9.
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            momentum: 0.9,
            weight_decay: 1e-4,
            clip_norm: None,
            schedule: LearningRate::Poly { power: 0.9 },
            span: ScheduleSpan::Stage,
        }
    }
}

impl OptimizerConfig {
    /// Returns the optimizer with which methods are compared: SGD 0.01, momentum 0.9, weight decay 1e-4, and one
    /// polynomial decay with power 0.9 over all stages, as in SSL4MIS. The presets `quick` and `standard` give it to every
    /// method in place of its own.
    pub fn comparable() -> Self {
        Self {
            span: ScheduleSpan::Run,
            ..Self::default()
        }
    }

    /// Creates the optimizer, with zero momentum.
    pub fn init(&self) -> Optimizer {
        self.init_rule(false)
    }

    /// Creates the optimizer with Nesterov momentum: the step is `θ ← θ − lr·(g + momentum·v)`.
    pub fn init_nesterov(&self) -> Optimizer {
        self.init_rule(true)
    }

    fn init_rule(&self, nesterov: bool) -> Optimizer {
        let rule = ModuleOptimizer::from(Sgd {
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            nesterov,
        });
        Optimizer {
            config: self.clone(),
            rule,
        }
    }

    /// Checks that all rates and coefficients, and those of the schedule, are in range.
    ///
    /// # Errors
    /// [`MethodError::Setting`] with the key and the value found.
    pub fn check(&self) -> Result<(), MethodError> {
        let in_range = [
            ("learning_rate", self.learning_rate, 0.0..10.0),
            ("momentum", self.momentum, 0.0..1.0),
            ("weight_decay", self.weight_decay, 0.0..1.0),
        ];
        for (key, value, range) in in_range {
            let wanted = format!("{} to below {}", range.start, range.end);
            let inside = range.contains(&value);
            expect(inside, &format!("optimizer.{key}"), &wanted, value)?;
        }
        expect_positive("optimizer.clip_norm", self.clip_norm.unwrap_or(1.0))?;
        self.schedule.check("optimizer.schedule")
    }
}

/// Formats the optimizer for a table's caption: `SGD 0.01, momentum 0.9, weight decay 0.0001, constant rate`.
impl fmt::Display for OptimizerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            learning_rate,
            momentum,
            weight_decay,
            clip_norm,
            schedule,
            span,
        } = self;
        write!(
            f,
            "SGD {learning_rate}, momentum {momentum}, weight decay {weight_decay}, {schedule}"
        )?;
        let span = match span {
            ScheduleSpan::Stage => "each stage",
            ScheduleSpan::Run => "the run",
        };
        match schedule {
            LearningRate::Constant => {}
            LearningRate::Poly { .. } => write!(f, " over {span}")?,
            LearningRate::Step { .. } => write!(f, " of {span}")?,
        }
        match clip_norm {
            Some(norm) => write!(f, ", gradients clipped to norm {norm}"),
            None => Ok(()),
        }
    }
}

/// SGD with its settings and the momentum of every parameter.
#[derive(Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    pub(crate) rule: ModuleOptimizer,
}

impl Optimizer {
    /// Returns the learning rate at a step of a stage.
    pub fn learning_rate(&self, at: &StepContext) -> f64 {
        let config = &self.config;
        let (step, steps) = match config.span {
            ScheduleSpan::Stage => (at.stage_step, at.stage_steps),
            ScheduleSpan::Run => (at.step, at.steps),
        };
        config.schedule.at(config.learning_rate, step, steps)
    }

    /// Returns the module after one update with its gradients.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        let gradients = match self.config.clip_norm {
            Some(most) => clip_gradients(&module, gradients, most),
            None => gradients,
        };
        self.rule.step(learning_rate, module, gradients)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::prelude::*;

    /// Three steps on L = w², against PyTorch's update rule by hand.
    #[test]
    fn follows_the_undampened_momentum_rule() {
        let device = crate::testing::device();
        for nesterov in [false, true] {
            let config = OptimizerConfig::default();
            let mut optimizer = config.init_rule(nesterov);
            let mut module: Linear = LinearConfig::new(1, 1).with_bias(false).init(&device);
            let mut w = f64::from(module.weight.val().into_scalar::<f32>());
            let mut v = 0.0;
            for _ in 0..3 {
                let loss = module.weight.val().powf_scalar(2.0).sum();
                let grads = GradientsParams::from_grads(loss.backward(), &module);
                module = optimizer.step(0.1, module, grads);
                let g = 2.0 * w + config.weight_decay * w;
                v = 0.9 * v + g;
                w -= 0.1 * if nesterov { g + 0.9 * v } else { v };
            }
            let found = f64::from(module.valid().weight.val().into_scalar::<f32>());
            assert!((found - w).abs() < 1e-5, "nesterov {nesterov}: {found} {w}");
        }
    }

    #[test]
    fn the_caption_names_schedule_span_and_clipping() {
        let own = OptimizerConfig {
            clip_norm: Some(1.0),
            ..OptimizerConfig::default()
        };
        let start = "SGD 0.01, momentum 0.9, weight decay 0.0001";
        assert_eq!(
            own.to_string(),
            format!(
                "{start}, polynomial decay with power 0.9 over each stage, gradients clipped to norm 1"
            )
        );
        let steps = OptimizerConfig {
            schedule: LearningRate::Step {
                milestones: vec![5.0 / 12.0, 10.0 / 12.0],
                factor: 0.1,
            },
            span: ScheduleSpan::Run,
            ..OptimizerConfig::default()
        };
        let text = format!("{start}, rate times 0.1 after 42 % and 83 % of the run");
        assert_eq!(steps.to_string(), text);
        let constant = OptimizerConfig {
            schedule: LearningRate::Constant,
            ..OptimizerConfig::default()
        };
        assert_eq!(constant.to_string(), format!("{start}, constant rate"));
    }

    /// A schedule over the run goes on where the stage before ended.
    #[test]
    fn a_schedule_spans_the_stage_or_the_run() {
        let at = StepContext {
            step: 75,
            steps: 100,
            stage_step: 25,
            stage_steps: 50,
            seed: 0,
            device: Device::flex(),
        };
        let rate = |span| {
            let config = OptimizerConfig {
                span,
                ..OptimizerConfig::default()
            };
            config.init().learning_rate(&at)
        };
        assert_eq!(rate(ScheduleSpan::Stage), 0.01 * 0.5f64.powf(0.9));
        assert_eq!(rate(ScheduleSpan::Run), 0.01 * 0.25f64.powf(0.9));
    }

    /// A gradient of 2w clipped to 0.1 moves w by the rate times 0.1.
    #[test]
    fn gradients_are_clipped_before_the_step() {
        let device = crate::testing::device();
        let mut module: Linear = LinearConfig::new(1, 1).with_bias(false).init(&device);
        module.weight = module
            .weight
            .map(|w| w.detach().full_like(3.0).require_grad());
        let config = OptimizerConfig {
            clip_norm: Some(0.1),
            weight_decay: 0.0,
            ..Default::default()
        };
        let loss = module.weight.val().powf_scalar(2.0).sum();
        let grads = GradientsParams::from_grads(loss.backward(), &module);
        let moved = config.init().step(0.5, module, grads);
        let found = moved.weight.val().into_scalar::<f32>();
        assert!((found - 2.95).abs() < 1e-5, "{found}");
    }

    #[test]
    fn out_of_range_names_the_key() {
        let config = OptimizerConfig {
            momentum: 1.5,
            ..Default::default()
        };
        let message = config.check().unwrap_err().to_string();
        assert!(
            message.contains("method.optimizer.momentum: expected 0 to below 1, found 1.5"),
            "{message}"
        );
        let config = OptimizerConfig {
            clip_norm: Some(0.0),
            ..Default::default()
        };
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains("optimizer.clip_norm") && message.contains("found 0"));
        let config = OptimizerConfig {
            schedule: LearningRate::Poly { power: -1.0 },
            ..Default::default()
        };
        let message = config.check().unwrap_err().to_string();
        assert!(
            message.contains("method.optimizer.schedule.power"),
            "{message}"
        );
    }
}
