//! SGD with momentum, as an implementation of Burn's `Optimizer` trait.

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::prelude::*;
use semivox_kernels::{SgdStep, sgd_step};

use crate::host::host;

/// SGD with momentum and weight decay, in one pass over the memory of each parameter.
#[derive(Debug, Clone)]
pub(crate) struct Sgd {
    pub(crate) momentum: f64,
    pub(crate) weight_decay: f64,
    pub(crate) nesterov: bool,
}

/// State of [`Sgd`] for one parameter.
#[derive(Clone)]
pub(crate) struct SgdState<const D: usize> {
    velocity: Tensor<D>,
}

impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "velocity", self.velocity.clone().into_data());
    }

    /// Loads the momentum onto the CPU; the next step moves it to the parameter's device.
    ///
    /// Burn offers the device of the first backend compiled in, which this machine may lack.
    fn state_unflatten(prefix: &str, source: &mut StateSource, offered: &Device) -> Option<Self> {
        let velocity = source.take_tensor(prefix, "velocity")?;
        let device = host().unwrap_or_else(|| offered.clone());
        Some(Self {
            velocity: Tensor::from_data(velocity, &device),
        })
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<SgdState<D>>,
    ) -> (Tensor<D>, Option<SgdState<D>>) {
        let step = SgdStep {
            learning_rate,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            nesterov: self.nesterov,
        };
        let velocity = state.map(|state| state.velocity);
        let [parameter, velocity] = sgd_step(parameter, gradient, velocity, step);
        (parameter, Some(SgdState { velocity }))
    }

    fn to_device<const D: usize>(mut state: SgdState<D>, device: &Device) -> SgdState<D> {
        state.velocity = state.velocity.to_device(device);
        state
    }
}
