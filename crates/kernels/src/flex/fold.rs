//! Batch norm with running statistics folded into the preceding convolution, with leaky ReLU.
//!
//! ```text
//! γ r (w · x + b − mean) + β = (γ r w) · x + (γ r (b − mean) + β),   r = 1 / √(variance + ε)
//! ```

use super::epilogue::Epilogue;
use super::memory::{PART, filled_pieces};
use super::norm::{Channels, statistics};
use super::operator::{Convolution, Layer};
use super::tensor::{contiguous, from_buffer, plain, values};
use burn::backend::{Flex, TensorMetadata};
use burn::nn::BatchNorm;
use burn::prelude::*;

/// Applies convolution, norm and leaky ReLU in one pass; `None` if gradients are recorded, the tensors are not
/// single precision on the Flex backend, the norm's channels are not the outputs, or the leak is not
/// between 0 and 1.
///
/// `axis` is the weight's axis of output channels.
pub(crate) fn apply<C: Convolution>(
    convolution: C,
    axis: usize,
    Layer {
        input,
        weight,
        bias,
    }: Layer,
    norm: &BatchNorm,
    leak: f32,
) -> Option<Tensor<5>> {
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let bias = match bias {
        Some(bias) => bias.clone(),
        None => Tensor::zeros(beta.dims(), &beta.device()),
    };
    let outputs = convolution.output()[1];
    if gamma.dims() != [outputs] || !(0.0..=1.0).contains(&leak) {
        return None;
    }
    let [gamma, beta, bias] = [plain(&gamma)?, plain(&beta)?, plain(&bias)?].map(contiguous);
    let (input, weight) = (contiguous(plain(input)?), contiguous(plain(weight)?));
    let channels = Channels::new(statistics(norm)?, &gamma, norm.epsilon);
    let scale = |channel: usize| channels.gamma[channel] * channels.inverse[channel];

    let taps: usize = weight.shape().to_vec()[axis + 1..].iter().product();
    let old = values(&weight);
    let filters = (PART / taps).max(1);
    let folded = filled_pieces(old.len(), filters * taps, |first, new| {
        let filters = new.chunks_mut(taps).zip(old[first..].chunks(taps));
        for (i, (new, old)) in (first / taps..).zip(filters) {
            let scale = scale(i % outputs);
            new.iter_mut()
                .zip(old)
                .for_each(|(new, old)| *new = old * scale);
        }
    });
    let pairs = values(&bias).iter().zip(values(&beta)).enumerate();
    let bias: Vec<f32> = pairs
        .map(|(c, (bias, beta))| (bias - channels.mean[c]) * scale(c) + beta)
        .collect();
    let output = convolution.forward(
        values(&input),
        &folded,
        Epilogue::bias_leaky_relu(&bias, leak),
    );
    Some(Tensor::from_primitive::<Flex>(from_buffer(
        output,
        &convolution.output(),
    )))
}
