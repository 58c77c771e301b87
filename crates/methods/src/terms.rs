//! Named, weighted loss terms and the optimization step on their sum.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::prelude::*;

use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::step_context::StepContext;

/// The named, weighted loss terms of one training step.
///
/// ```text
/// total = Σ weight_i · term_i
/// ```
///
/// # Examples
/// ```
/// use burn::prelude::*;
/// use semivox_methods::terms::LossTerms;
/// let device = Device::flex();
/// let terms = LossTerms::new()
///     .with("dice", 0.5, Tensor::from_floats([0.4], &device))
///     .with("contrast", 0.01, Tensor::from_floats([6.0], &device));
/// assert!((terms.total().into_scalar::<f32>() - 0.26).abs() < 1e-6);
/// ```
#[derive(Debug, Default)]
pub struct LossTerms(Vec<(&'static str, f64, Tensor<1>)>);

impl LossTerms {
    /// Creates an empty list of terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a `term`, before weighting, under `name`, with its `weight` in the total.
    pub fn with(mut self, name: &'static str, weight: f64, term: Tensor<1>) -> Self {
        self.0.push((name, weight, term));
        self
    }

    /// Returns the unweighted term called `name`.
    #[cfg(test)]
    pub(crate) fn term(&self, name: &str) -> Tensor<1> {
        let found = self.0.iter().find(|(known, ..)| *known == name);
        found.expect("a term of this name").2.clone()
    }

    /// Returns the weight of the term called `name`.
    #[cfg(test)]
    pub(crate) fn weight(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(known, ..)| *known == name);
        found.expect("a term of this name").1
    }

    /// Returns the weighted sum of all terms.
    ///
    /// # Panics
    /// If there are no terms.
    pub fn total(&self) -> Tensor<1> {
        self.0
            .iter()
            .map(|(_, weight, term)| term.clone().mul_scalar(*weight))
            .reduce(|a, b| a + b)
            .expect("a stage computes at least one loss term")
    }

    /// Reads the unweighted values from the device at once, in the order they were added.
    ///
    /// # Errors
    /// [`MethodError::NonFinite`] for the first term that is not finite.
    pub fn values(&self, step: u64) -> Result<Vec<(&'static str, f64)>, MethodError> {
        let tensors = self.0.iter().map(|(_, _, t)| t.clone().detach()).collect();
        let data: Vec<f32> = Tensor::cat(tensors, 0).into_data().iter().collect();
        let named = self.0.iter().map(|(name, _, _)| *name).zip(data);
        named
            .map(|(term, value)| match f64::from(value) {
                value if value.is_finite() => Ok((term, value)),
                value => Err(MethodError::NonFinite { term, value, step }),
            })
            .collect()
    }

    /// Runs the backward pass of the total and one optimizer step on `module`; returns the values of the terms.
    ///
    /// # Errors
    /// [`MethodError::NonFinite`] if a term is not finite; the module is then left as it is.
    pub fn descend<M: Module>(
        self,
        module: &mut M,
        optimizer: &mut Optimizer,
        at: &StepContext,
    ) -> Result<StepValues, MethodError> {
        let values = self.values(at.step)?;
        let gradients = GradientsParams::from_grads(self.total().backward(), module);
        let rate = optimizer.learning_rate(at);
        *module = optimizer.step(rate, module.clone(), gradients);
        Ok(values)
    }
}

/// Loss values of a step by name.
pub type StepValues = Vec<(&'static str, f64)>;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::optimizer::OptimizerConfig;
    use burn::nn::LinearConfig;

    /// The first step of a stage, at a step of the run.
    fn at(step: u64, device: &Device) -> StepContext {
        StepContext {
            step,
            steps: 10,
            stage_step: 0,
            stage_steps: 10,
            seed: 0,
            device: device.clone(),
        }
    }

    #[test]
    fn a_non_finite_term_is_named_and_moves_nothing() {
        let device = crate::testing::device();
        let mut module = LinearConfig::new(1, 1).init(&device);
        let bad = module.weight.val().reshape([1]) * f32::NAN;
        let terms = LossTerms::new()
            .with("fine", 1.0, Tensor::ones([1], &device))
            .with("contrast", 1.0, bad);
        let before = module.weight.val().into_scalar::<f32>();
        let mut optimizer = OptimizerConfig::default().init();
        let error = terms.descend(&mut module, &mut optimizer, &at(7, &device));
        let message = error.unwrap_err().to_string();
        assert!(message.contains("'contrast'") && message.contains("step 8:"));
        assert_eq!(module.weight.val().into_scalar::<f32>(), before);
    }

    #[test]
    fn descent_follows_the_weighted_gradient() {
        let device = crate::testing::device();
        let mut module = LinearConfig::new(1, 1).with_bias(false).init(&device);
        let before = module.weight.val().into_scalar::<f32>();
        let terms = LossTerms::new().with("w", 0.5, module.weight.val().reshape([1]));
        let config = OptimizerConfig {
            learning_rate: 0.1,
            ..OptimizerConfig::default()
        };
        let values = terms
            .descend(&mut module, &mut config.init(), &at(0, &device))
            .unwrap();
        let decay = 0.1 * 1e-4 * before; // the default weight decay
        let found = module.weight.val().into_scalar::<f32>();
        assert!((found - (before - 0.05 - decay)).abs() < 1e-6);
        assert!((values[0].1 - f64::from(before)).abs() < 1e-6);
    }
}
