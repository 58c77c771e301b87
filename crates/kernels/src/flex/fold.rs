//! Batch norm with running statistics folded into the preceding convolution, with leaky ReLU.
//!
//! ```text
//! γ r (w · x + b − mean) + β = (γ r w) · x + (γ r (b − mean) + β),   r = 1 / √(variance + ε)
//! ```

use super::epilogue::Epilogue;
use super::kept::{Folded, Source};
use super::memory::{PART, filled_pieces};
use super::norm::{Channels, running};
use super::operator::{Convolution, Layer};
use super::tensor::{contiguous, from_buffer, plain, values};
use burn::backend::flex::FlexTensor;
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
    let outputs = convolution.output()[1];
    if norm.gamma.dims() != [outputs] || !(0.0..=1.0).contains(&leak) {
        return None;
    }
    let input = contiguous(plain(input)?);
    let [mean, variance] = running(norm)?;
    let (gamma, beta) = (plain(&norm.gamma.val())?, plain(&norm.beta.val())?);
    let mut tensors = vec![plain(weight)?, gamma, beta, mean, variance];
    if let Some(bias) = bias {
        tensors.push(plain(bias)?);
    }
    let source = Source::new(&tensors, &convolution, norm.epsilon);
    let folded = source.folded(|| {
        let tensors: Vec<_> = tensors.into_iter().map(contiguous).collect();
        fold(&convolution, axis, &tensors, norm.epsilon)
    });
    let output = convolution.forward_prepared(
        values(&input),
        &folded.weights,
        Epilogue::bias_leaky_relu(&folded.bias, leak),
    );
    Some(Tensor::from_primitive::<Flex>(from_buffer(
        output,
        &convolution.output(),
    )))
}

/// Folds the norm into the weight and the bias; `tensors` are the weight, gamma, beta, mean, variance and the bias, if
/// there is one.
fn fold<C: Convolution>(
    convolution: &C,
    axis: usize,
    tensors: &[FlexTensor],
    epsilon: f64,
) -> Folded {
    let outputs = convolution.output()[1];
    let [weight, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map(|i| values(&tensors[i]));
    let channels = Channels::new([mean.to_vec(), variance.to_vec()], gamma, epsilon);
    let scale = |channel: usize| channels.gamma[channel] * channels.inverse[channel];
    let taps: usize = tensors[0].shape().to_vec()[axis + 1..].iter().product();
    let filters = (PART / taps).max(1);
    let folded = filled_pieces(weight.len(), filters * taps, |first, new| {
        let filters = new.chunks_mut(taps).zip(weight[first..].chunks(taps));
        for (i, (new, old)) in (first / taps..).zip(filters) {
            let scale = scale(i % outputs);
            new.iter_mut()
                .zip(old)
                .for_each(|(new, old)| *new = old * scale);
        }
    });
    let bias = |channel: usize| tensors.get(5).map_or(0.0, |bias| values(bias)[channel]);
    Folded {
        weights: convolution.prepare(folded),
        bias: (0..outputs)
            .map(|c| (bias(c) - channels.mean[c]) * scale(c) + beta[c])
            .collect(),
    }
}
