//! Batch normalization with leaky ReLU as one operator with a custom gradient.
//!
//! With `x^ = (x - mean) * r`, `r = 1 / sqrt(variance + epsilon)`, `z = gamma * x^ + beta`,
//! `y = max(z, leak * z)` and `g = dy` where `z > 0`, else `leak * dy`:
//!
//! ```text
//! dbeta = sum g,   dgamma = sum g * x^,   dx = gamma * r * (g - (dbeta + x^ * dgamma) / n)
//! ```
//!
//! With running statistics the last term is absent. Only the input is kept; `x^` and the mask are
//! recomputed in the backward pass.

mod channels;
mod passes;

use super::memory::filled_rows;
use super::simd::Level;
use super::tensor::{contiguous, from_buffer, from_vec, give, incoming, plain, recorded, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::nn::BatchNorm;
use burn::prelude::*;
pub(crate) use channels::Channels;
use passes::{Channel, Gradient, Measure, Moments, Sums};
use rayon::prelude::*;

/// Applies batch normalization and leaky ReLU; `None` if the tensors are not single precision on the Flex
/// backend or the channels differ from the layer's.
pub(crate) fn batch_norm_leaky_relu(
    input: &Tensor<5>,
    norm: &BatchNorm,
    leak: f32,
) -> Option<Tensor<5>> {
    let shape = input.dims();
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    if shape[1] != gamma.dims()[0] || shape.contains(&0) {
        return None;
    }
    let train = input.is_autodiff() && norm.training.is_enabled();
    if !(input.is_autodiff() || gamma.is_autodiff() || beta.is_autodiff()) {
        let [gamma, beta] = [plain(&gamma)?, plain(&beta)?].map(contiguous);
        let input = contiguous(plain(input)?);
        let channels = Channels::new(statistics(norm)?, values(&gamma), norm.epsilon);
        let output = channels.forward(&input, values(&beta), leak, shape);
        return Some(Tensor::from_primitive::<Flex>(output));
    }
    let (x, x_node) = recorded(input)?.into_parts();
    let (gamma, gamma_node) = recorded(&gamma)?.into_parts();
    let (beta, beta_node) = recorded(&beta)?.into_parts();
    let [x, gamma, beta] = [x, gamma, beta].map(contiguous);
    let found = match train {
        true => batch_statistics(values(&x), shape),
        false => statistics(norm)?,
    };
    if train {
        update(norm, &found, &input.device());
    }
    let state = State {
        channels: Channels::new(found, values(&gamma), norm.epsilon),
        input: x,
        beta: values(&beta).to_vec(),
        leak,
        shape,
        train,
    };
    let output = state
        .channels
        .forward(&state.input, &state.beta, leak, shape);
    let step = Step.prepare::<NoCheckpointing>([x_node, gamma_node, beta_node]);
    let output = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(state, output),
        OpsKind::UnTracked(step) => step.finish(output),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(output))
}

/// Mean and biased variance per channel.
pub(crate) type Statistics = [Vec<f32>; 2];

/// The layer's running mean and variance.
pub(crate) fn running(norm: &BatchNorm) -> Option<[FlexTensor; 2]> {
    let mean = plain(&norm.running_mean.value().inner())?;
    Some([mean, plain(&norm.running_var.value().inner())?])
}

/// The values of [`running`].
fn statistics(norm: &BatchNorm) -> Option<Statistics> {
    Some(running(norm)?.map(|tensor| values(&contiguous(tensor)).to_vec()))
}

/// Updates the running statistics from the batch's, as the layer itself does.
fn update(norm: &BatchNorm, [mean, variance]: &Statistics, device: &Device) {
    let momentum = norm.momentum;
    for (state, batch) in [(&norm.running_mean, mean), (&norm.running_var, variance)] {
        let batch = Tensor::<1>::from_floats(batch.as_slice(), device);
        let old = state.value_sync().to_device(device);
        let new = old.mul_scalar(1.0 - momentum) + batch.mul_scalar(momentum);
        state.update(new.detach());
    }
}

/// Computes the statistics of the batch.
fn batch_statistics(x: &[f32], [batch, channels, d, h, w]: [usize; 5]) -> Statistics {
    let (level, voxels) = (Level::current(), d * h * w);
    let both = (0..channels).into_par_iter().map(|channel| {
        let map = |sample: usize| &x[(sample * channels + channel) * voxels..][..voxels];
        // SAFETY: `Measure::run` requires nothing but enabled instructions.
        let moments = |sample| unsafe { level.run(Measure { x: map(sample) }) };
        let found = (0..batch)
            .map(moments)
            .fold(Moments::default(), Moments::with);
        (found.mean as f32, (found.squares / found.count) as f32)
    });
    let (mean, variance) = both.unzip();
    [mean, variance]
}

/// State kept for the backward pass.
#[derive(Debug, Clone)]
struct State {
    channels: Channels,
    input: FlexTensor,
    beta: Vec<f32>,
    leak: f32,
    shape: [usize; 5],
    train: bool,
}

impl State {
    fn channel(&self, c: usize) -> Channel {
        self.channels.channel(c, &self.beta, self.leak)
    }

    /// Computes `[dgamma, dbeta]`.
    fn sums(&self, dy: &[f32]) -> [Vec<f32>; 2] {
        let [batch, channels, d, h, w] = self.shape;
        let (level, x, voxels) = (Level::current(), values(&self.input), d * h * w);
        let both = (0..channels).into_par_iter().map(|c| {
            let channel = self.channel(c);
            let (mut dgamma, mut dbeta) = (0.0, 0.0);
            for sample in 0..batch {
                let map = (sample * channels + c) * voxels;
                let [x, dy] = [x, dy].map(|values| &values[map..map + voxels]);
                // SAFETY: `Sums::run` requires nothing but enabled instructions.
                let [with_x, alone] = unsafe { level.run(Sums { channel, x, dy }) };
                dgamma += with_x;
                dbeta += alone;
            }
            (dgamma as f32, dbeta as f32)
        });
        let (dgamma, dbeta) = both.unzip();
        [dgamma, dbeta]
    }

    /// Computes the input's gradient, in place of the output's where no one else needs that.
    fn input_gradient(&self, mut dy: FlexTensor, sums: &[Vec<f32>; 2]) -> FlexTensor {
        let [batch, channels, d, h, w] = self.shape;
        let voxels = d * h * w;
        let whole = dy.try_storage_mut::<f32>();
        if let Some(whole) = whole.filter(|whole| whole.len() == batch * channels * voxels) {
            let maps = whole.par_chunks_exact_mut(voxels).enumerate();
            maps.for_each(|(map, dy)| self.map_gradient(map, dy, sums));
            return dy;
        }
        let values = values(&dy);
        let gradient = filled_rows(batch * channels, voxels, |map, dx| {
            dx.copy_from_slice(&values[map * voxels..][..voxels]);
            self.map_gradient(map, dx, sums);
        });
        from_buffer(gradient, &self.shape)
    }

    /// Computes the input's gradient of one channel of a sample in place of the output's.
    fn map_gradient(&self, map: usize, dy: &mut [f32], [dgamma, dbeta]: &[Vec<f32>; 2]) {
        let [batch, channels, ..] = self.shape;
        let (c, x) = (map % channels, &values(&self.input)[map * dy.len()..]);
        let part = match self.train {
            true => 1.0 / (batch * dy.len()) as f32,
            false => 0.0,
        };
        let channel = self.channel(c);
        let job = Gradient {
            channel,
            constant: dbeta[c] * part,
            slope: dgamma[c] * part * channel.inverse,
            x: &x[..dy.len()],
            dy,
        };
        // SAFETY: `Gradient::run` requires nothing but enabled instructions.
        unsafe { Level::current().run(job) }
    }
}

/// Backward pass for `[input, gamma, beta]`.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 3> for Step {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        let state = &ops.state;
        let sums = state.sums(values(&gradient));
        let [dgamma, dbeta] = &sums;
        give(grads, &ops, 0, || state.input_gradient(gradient, &sums));
        give(grads, &ops, 1, || from_vec(dgamma.clone(), &[dgamma.len()]));
        give(grads, &ops, 2, || from_vec(dbeta.clone(), &[dbeta.len()]));
    }
}
