//! Sums over all voxels of a softmax and its labels, in one pass each for forward and backward.
//!
//! Voxels are processed in blocks whose probabilities fit in the L1 cache; the backward pass recomputes
//! them. With `w` 1 for counted voxels and `y` the label:
//!
//! ```text
//! sums = [Σ w (log Σ e^x − x_y)], [Σ w p_c [y = c]], [Σ w p_c²]
//! dx_k = w ( p_k (h_k − Σ_c p_c h_c) + u (p_k − [y = k]) ),   h_c = a_c [y = c] + 2 b_c p_c
//! ```
//!
//! where `u`, `a` and `b` are the gradients of the three sums, and `u` is 0 where `y` is not a class.

mod passes;

use super::tensor::{contiguous, from_buffer, give, incoming, plain, recorded, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;
use burn::tensor::DType;
use passes::{IGNORED, Voxels};
use rayon::prelude::*;

/// The sums `[cross-entropy, intersections, squares]` and the counts `[counted, labeled]`; `None` if the
/// tensors are not single precision on the Flex backend.
pub(crate) fn voxel_statistics(
    logits: &Tensor<3>,
    labels: &Tensor<3, Int>,
    ignored: Option<i64>,
) -> Option<[Tensor<1>; 2]> {
    let shape = logits.dims();
    if shape.contains(&0) {
        return None;
    }
    let labels = read(labels, shape[1], ignored)?;
    let voxels = |logits| Voxels {
        shape,
        logits,
        labels,
    };
    if !logits.is_autodiff() {
        let voxels = voxels(contiguous(plain(logits)?));
        return Some(voxels.sums().map(Tensor::from_primitive::<Flex>));
    }
    let (logits, node) = recorded(logits)?.into_parts();
    let voxels = voxels(contiguous(logits));
    let [sums, counts] = voxels.sums();
    let step = Step.prepare::<NoCheckpointing>([node]);
    let sums = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(voxels, sums),
        OpsKind::UnTracked(step) => step.finish(sums),
    };
    let counts = Tensor::<1>::from_primitive::<Flex>(counts).autodiff();
    Some([Tensor::from_primitive::<Autodiff<Flex>>(sums), counts])
}

/// The labels, with [`IGNORED`] for voxels that are not counted and −1 for those of no class.
fn read(labels: &Tensor<3, Int>, classes: usize, ignored: Option<i64>) -> Option<Vec<i32>> {
    let labels = labels.clone().without_autodiff();
    let labels = labels.try_into_primitive::<Flex>().ok()?.to_contiguous();
    let encode = |label: i64| match label {
        label if Some(label) == ignored => IGNORED,
        label if (0..classes as i64).contains(&label) => label as i32,
        _ => -1,
    };
    match labels.dtype() {
        DType::I64 => Some(
            labels
                .as_slice::<i64>()?
                .par_iter()
                .map(|&l| encode(l))
                .collect(),
        ),
        DType::I32 => {
            let labels = labels.as_slice::<i32>()?.par_iter();
            Some(labels.map(|&l| encode(i64::from(l))).collect())
        }
        _ => None,
    }
}

/// Backward pass.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = Voxels;

    fn backward(self, ops: Ops<Voxels, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let voxels = &ops.state;
        give(grads, &ops, 0, || {
            from_buffer(voxels.gradient(values(&gradient)), &voxels.shape)
        });
    }
}
