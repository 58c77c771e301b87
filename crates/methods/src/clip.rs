//! Gradient clipping by global norm.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use semivox_kernels::{scale, squared_norm};

/// Scales all gradients of a module by one factor so that their global L2 norm is at most `most`.
///
/// ```text
/// g ← g · min(1, most / ‖g‖),   ‖g‖ = √(Σ over all parameters of ‖g_i‖²)
/// ```
///
/// The same as PyTorch's `clip_grad_norm_`; Burn's own clipping treats every parameter separately. If the
/// norm is not finite, the gradients stay unchanged.
///
/// # Examples
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::GradientsParams;
/// use burn::prelude::*;
/// use semivox_methods::clip::clip_gradients;
/// let module = LinearConfig::new(1, 1).with_bias(false).init(&Device::flex().autodiff());
/// let loss = (module.weight.val() * 5.0).sum();
/// let gradients = GradientsParams::from_grads(loss.backward(), &module);
/// let clipped = clip_gradients(&module, gradients, 2.0);
/// let gradient = clipped.get::<2>(module.weight.id).unwrap();
/// assert!((gradient.into_scalar::<f32>() - 2.0).abs() < 1e-5);
/// ```
pub fn clip_gradients<M: Module>(
    module: &M,
    gradients: GradientsParams,
    most: f64,
) -> GradientsParams {
    let mut norm = Norm {
        gradients: &gradients,
        squares: None,
    };
    module.visit(&mut norm);
    let squares = norm.squares.map_or(0.0, |s| s.into_scalar::<f32>());
    let norm = f64::from(squares).sqrt();
    if !norm.is_finite() || norm <= most {
        return gradients;
    }
    let mut scaled = Scale {
        gradients,
        factor: most / norm,
    };
    module.visit(&mut scaled);
    scaled.gradients
}

/// Adds up the squares of all gradients on the device.
struct Norm<'a> {
    gradients: &'a GradientsParams,
    squares: Option<Tensor<1>>,
}

impl ModuleVisitor for Norm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let squares = squared_norm(gradient);
            self.squares = Some(match self.squares.take() {
                Some(total) => total + squares,
                None => squares,
            });
        }
    }
}

/// Multiplies every gradient by one factor.
struct Scale {
    gradients: GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients
                .register(param.id, scale(gradient, self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::nn::{Linear, LinearConfig};

    fn gradients(factor: f32) -> (Linear, GradientsParams) {
        let module = LinearConfig::new(2, 2).init(&crate::testing::device());
        let weight = module.weight.val()
            * Tensor::from_floats([[1.0, -2.0], [4.0, 0.0]], &module.weight.device());
        let bias = module.bias.as_ref().unwrap().val() * 2.0;
        let loss = (weight.sum() + bias.sum()) * factor;
        let found = GradientsParams::from_grads(loss.backward(), &module);
        (module, found)
    }

    fn all(module: &Linear, gradients: &GradientsParams) -> Vec<f32> {
        let weight = gradients.get::<2>(module.weight.id).unwrap().into_data();
        let bias = gradients
            .get::<1>(module.bias.as_ref().unwrap().id)
            .unwrap();
        let mut found = weight.try_to_vec::<f32>().unwrap();
        found.extend(bias.into_data().try_to_vec::<f32>().unwrap());
        found
    }

    /// The norm of 1, 2, 4, 0, 2, 2 is √29.
    #[test]
    fn all_parameters_are_scaled_by_one_factor() {
        let (module, found) = gradients(1.0);
        let before = all(&module, &found);
        let after = all(&module, &clip_gradients(&module, found, 1.0));
        for (before, after) in before.iter().zip(&after) {
            assert!((after - before / 29f32.sqrt()).abs() < 1e-6);
        }
        let (module, found) = gradients(1.0);
        assert_eq!(all(&module, &clip_gradients(&module, found, 5.4)), before);
    }

    #[test]
    fn what_is_not_finite_is_left_for_the_loss_to_report() {
        let (module, found) = gradients(f32::NAN);
        let after = all(&module, &clip_gradients(&module, found, 1.0));
        assert!(after.iter().any(|g| g.is_nan()));
    }
}
