//! Shared parts of the comparisons with PyTorch: parameters both sides can compute, and ordered gradients.

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::{DType, Gradients, TensorData};
use serde::Deserialize;

mod values;

pub use values::{assert_near, floats, wave};

#[derive(Deserialize)]
pub struct Gradient {
    pub norm: f64,
    pub first: Vec<f64>,
}

/// Sets the parameters in field order; running statistics keep their initial 0 and 1.
pub struct Fill {
    pub seed: usize,
    pub shift: f64,
    pub device: Device,
    pub dtype: DType,
}

/// Kind of a parameter, recognized by its initial value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Weight,
    Bias,
    /// Scale of a norm, initially 1.
    Gamma,
    /// Shift of a norm, initially 0.
    Beta,
}

impl Kind {
    fn of<const D: usize>(parameter: &Tensor<D>) -> Self {
        let all = |value: f64| {
            parameter
                .clone()
                .equal_elem(value)
                .all()
                .into_scalar::<bool>()
        };
        match D {
            1 if all(1.0) => Self::Gamma,
            1 if all(0.0) => Self::Beta,
            1 => Self::Bias,
            _ => Self::Weight,
        }
    }
}

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dtype = self.dtype;
        if !param.is_require_grad() {
            return param.map(|statistics| statistics.cast(dtype));
        }
        let seed = self.seed;
        self.seed += 1;
        let device = self.device.clone();
        let shift = self.shift;
        param.map(move |old| {
            let (shape, kind) = (old.dims(), Kind::of(&old));
            let fan_in: usize = shape[1..].iter().product();
            let scale = match kind {
                Kind::Weight => (3.0 / fan_in as f64).sqrt(),
                _ => 0.1,
            };
            let values = wave(shape, seed, scale, (&device, dtype));
            let values = match kind {
                Kind::Gamma => values + 1.0,
                Kind::Beta => values + shifts(shape, shift, (&device, dtype)),
                Kind::Weight | Kind::Bias => values,
            };
            values.require_grad()
        })
    }
}

/// Moves three of four channels up, the fourth down.
pub fn shifts<const D: usize>(
    shape: [usize; D],
    shift: f64,
    (device, dtype): (&Device, DType),
) -> Tensor<D> {
    let value = |channel: usize| if channel % 4 == 3 { -shift } else { shift };
    let values: Vec<f64> = (0..shape[0]).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

/// Collects norm and first entries of the gradients in field order.
pub struct Collect<'a> {
    gradients: &'a Gradients,
    found: Vec<Gradient>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let gradient = param.val().grad(self.gradients).unwrap();
            let values: Vec<f64> = floats(gradient);
            let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
            let first = values.into_iter().take(6).collect();
            self.found.push(Gradient { norm, first });
        }
    }
}

/// Compares norms and entries relative to the norm. A bias before batch norm has a gradient of zero, of
/// which only rounding noise remains.
pub fn compare_gradients<M: Module>(
    model: &M,
    gradients: &Gradients,
    expected: &[Gradient],
    tolerance: f64,
) {
    let mut collect = Collect {
        gradients,
        found: Vec::new(),
    };
    model.visit(&mut collect);
    assert_eq!(collect.found.len(), expected.len());
    let mut worst = 0.0_f64;
    for (found, wanted) in collect.found.iter().zip(expected) {
        let scale = if wanted.norm < 1e-12 {
            1e-3
        } else {
            wanted.norm
        };
        worst = worst.max((found.norm - wanted.norm).abs() / scale);
        for (a, b) in found.first.iter().zip(&wanted.first) {
            worst = worst.max((a - b).abs() / scale);
        }
    }
    println!("gradients: largest error {worst:.2e} of a parameter's norm");
    assert!(
        worst <= tolerance,
        "gradients: error {worst:.2e} above {tolerance:.0e}"
    );
}
