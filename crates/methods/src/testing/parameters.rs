//! What a step changes in the parameters of a module: which of them learn, and by how much.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;

/// Returns the parts of a module that a loss term trains: those whose name is in the path of a parameter with a
/// gradient other than 0.
pub(crate) fn taught<'a, M: Module>(
    term: &Tensor<1>,
    module: &M,
    parts: &[&'a str],
) -> Vec<&'a str> {
    let mut paths = Paths {
        gradients: GradientsParams::from_grads(term.backward(), module),
        path: Vec::new(),
        taught: Vec::new(),
    };
    module.visit(&mut paths);
    let reached = |part: &&&str| {
        let mut paths = paths.taught.iter();
        paths.any(|path| path.iter().any(|name| name == **part))
    };
    parts.iter().filter(reached).copied().collect()
}

/// Collects the paths of the parameters whose gradient is not 0.
struct Paths {
    gradients: GradientsParams,
    path: Vec<String>,
    taught: Vec<Vec<String>>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(param.id);
        if gradient.is_some_and(|g| g.abs().sum().into_scalar::<f32>() > 0.0) {
            self.taught.push(self.path.clone());
        }
    }
}

/// Returns a network of `classes` that predicts `class` in every voxel, by the bias of its last convolution.
///
/// No other layer may have as many channels as there are classes.
pub(crate) fn predicting<M: Module>(network: M, class: i32, classes: usize) -> M {
    network.map(&mut Predicting { class, classes })
}

struct Predicting {
    class: i32,
    classes: usize,
}

impl ModuleMapper for Predicting {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Self { class, classes } = *self;
        if D != 1 || param.shape().num_elements() != classes || !param.is_require_grad() {
            return param;
        }
        param.map(|bias| {
            let classes = Tensor::<1, Int>::arange(0..classes as i64, &bias.device());
            let certain = classes.equal_elem(class).float().mul_scalar(1e4);
            Tensor::from_inner(certain.inner().reshape(bias.shape())).require_grad()
        })
    }
}

/// Returns the largest distance of the parameters of `found` from `m·average + (1 − m)·followed`; parameters of
/// `followed` that are not trained, such as running statistics, do not count.
pub(crate) fn off_average<M: Module>(
    found: &M,
    [average, followed]: [&M; 2],
    momentum: f64,
) -> f64 {
    let learning = Values::of(followed, true);
    let [found, average] = [found, average].map(|module| Values::of(module, false));
    assert!(!learning.is_empty());
    let distance = |(id, followed): (&ParamId, &Vec<f32>)| {
        let values = found[id].iter().zip(&average[id]).zip(followed);
        let off = values.map(|((&found, &average), &followed)| {
            let [found, average, followed] = [found, average, followed].map(f64::from);
            (found - momentum * average - (1.0 - momentum) * followed).abs()
        });
        off.fold(0.0, f64::max)
    };
    learning.iter().map(distance).fold(0.0, f64::max)
}

/// Returns the values of a module that are not trained, such as running statistics with all updates.
pub(crate) fn buffers<M: Module>(module: &M) -> Vec<f32> {
    let mut buffers = Buffers(Vec::new());
    module.valid().train().visit(&mut buffers); // `valid` applies updates that wait
    buffers.0
}

struct Buffers(Vec<f32>);

impl ModuleVisitor for Buffers {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            self.0.extend(param.val().into_data().iter::<f32>());
        }
    }
}

/// Parameters by id.
struct Values {
    found: HashMap<ParamId, Vec<f32>>,
    learning: bool,
}

impl Values {
    fn of<M: Module>(module: &M, learning: bool) -> HashMap<ParamId, Vec<f32>> {
        let mut values = Self {
            found: HashMap::new(),
            learning,
        };
        module.visit(&mut values);
        values.found
    }
}

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() || !self.learning {
            let values = param.val().into_data().iter().collect();
            self.found.insert(param.id, values);
        }
    }
}

/// Returns the largest distance of the parameters of `after` from the result of a gradient step on `loss` with
/// learning rate 1.
pub(crate) fn off_descent<M: Module>(before: &M, after: &M, loss: Tensor<1>) -> f64 {
    let mut descent = Descent {
        gradients: GradientsParams::from_grads(loss.backward(), before),
        after: Values::of(after, true),
        off: 0.0,
    };
    before.visit(&mut descent);
    descent.off
}

/// Compares parameters with those after a gradient step.
struct Descent {
    gradients: GradientsParams,
    after: HashMap<ParamId, Vec<f32>>,
    off: f64,
}

impl ModuleVisitor for Descent {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else {
            return;
        };
        let expected = (param.val().inner() - gradient).into_data();
        let pairs = expected.iter::<f32>().zip(&self.after[&param.id]);
        let off = pairs.map(|(expected, found)| f64::from((expected - found).abs()));
        self.off = off.fold(self.off, f64::max);
    }
}
