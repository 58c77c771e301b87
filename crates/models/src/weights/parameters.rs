//! Parameters and running statistics of a network, by path.

use std::collections::HashMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::prelude::*;

use crate::Network;

/// A parameter or a running statistic.
pub(super) struct Parameter {
    /// Field names from the network to the parameter.
    pub(super) path: Vec<String>,
    /// Its value.
    pub(super) value: TensorData,
}

/// Collects all parameters and running statistics in field order.
pub(super) fn collect(network: &Network) -> Vec<Parameter> {
    let mut collect = Collect::default();
    // `valid` applies pending updates of the running statistics.
    network.valid().visit(&mut collect);
    collect.found
}

/// Returns a copy of the network with other values, which shares no state with it.
pub(super) fn replaced(network: &Network, values: HashMap<Vec<String>, TensorData>) -> Network {
    let mut replace = Replace {
        path: Vec::new(),
        values,
    };
    // A plain clone would share the running statistics and their pending updates.
    let replaced = network.valid().map(&mut replace);
    match network.devices().iter().any(Device::is_autodiff) {
        true => replaced.train(),
        false => replaced,
    }
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    found: Vec<Parameter>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push(Parameter {
            path: self.path.clone(),
            value: param.val().into_data(),
        });
    }
}

struct Replace {
    path: Vec<String>,
    values: HashMap<Vec<String>, TensorData>,
}

impl ModuleMapper for Replace {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.values.remove(&self.path) else {
            return param;
        };
        let (id, old) = (param.id, param.val());
        let (device, dtype) = (old.device(), old.dtype());
        let tensor = Tensor::from_data(value.convert_dtype(dtype), (&device, dtype));
        param.transform_for_load(tensor, id)
    }
}
