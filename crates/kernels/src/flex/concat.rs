//! Concatenation of the channels of two tensors, multithreaded and in pooled memory.

use super::memory::filled_rows;
use super::tensor::{contiguous, from_buffer, give, incoming, plain, recorded, values};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;

/// The channels of `a`, then those of `b`; `None` if the tensors are not single precision on the Flex backend.
pub(crate) fn concat_channels<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> Option<Tensor<D>> {
    let parts = Parts::new(a.dims(), b.dims())?;
    if !(a.is_autodiff() || b.is_autodiff()) {
        let joined = parts.join(&contiguous(plain(a)?), &contiguous(plain(b)?));
        return Some(Tensor::from_primitive::<Flex>(joined));
    }
    let (a, a_node) = recorded(a)?.into_parts();
    let (b, b_node) = recorded(b)?.into_parts();
    let joined = parts.join(&contiguous(a), &contiguous(b));
    let step = Concat.prepare::<NoCheckpointing>([a_node, b_node]);
    let joined = match step.compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(parts, joined),
        OpsKind::UnTracked(step) => step.finish(joined),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(joined))
}

/// Two tensors that differ in their channels at most.
#[derive(Debug, Clone)]
struct Parts {
    shape: Vec<usize>,
    channels: [usize; 2],
    voxels: usize,
}

impl Parts {
    fn new<const D: usize>(mut a: [usize; D], mut b: [usize; D]) -> Option<Self> {
        let channels = [a[1], b[1]];
        (a[1], b[1]) = (0, 0);
        a.eq(&b).then_some(())?;
        a[1] = channels[0] + channels[1];
        let some = !a.contains(&0) && !channels.contains(&0);
        some.then(|| Self {
            shape: a.to_vec(),
            channels,
            voxels: a[2..].iter().product(),
        })
    }

    /// The part and the map in it of a map of the whole.
    fn part_of(&self, map: usize) -> (usize, usize) {
        let [first, second] = self.channels;
        let (sample, channel) = (map / (first + second), map % (first + second));
        match channel.checked_sub(first) {
            None => (0, sample * first + channel),
            Some(channel) => (1, sample * second + channel),
        }
    }

    fn join(&self, a: &FlexTensor, b: &FlexTensor) -> FlexTensor {
        let (parts, maps) = ([values(a), values(b)], self.shape[0] * self.shape[1]);
        let joined = filled_rows(maps, self.voxels, |map, row| {
            let (part, map) = self.part_of(map);
            row.copy_from_slice(&parts[part][map * self.voxels..][..self.voxels]);
        });
        from_buffer(joined, &self.shape)
    }

    /// The maps of one part of the whole.
    fn split(&self, whole: &[f32], part: usize) -> FlexTensor {
        let (channels, first) = (self.channels[part], part * self.channels[0]);
        let maps = filled_rows(self.shape[0] * channels, self.voxels, |map, row| {
            let (sample, channel) = (map / channels, map % channels);
            let from = sample * self.shape[1] + first + channel;
            row.copy_from_slice(&whole[from * self.voxels..][..self.voxels]);
        });
        let mut shape = self.shape.clone();
        shape[1] = channels;
        from_buffer(maps, &shape)
    }
}

/// Backward pass: each part takes its channels of the gradient.
#[derive(Debug)]
struct Concat;

impl Backward<Flex, 2> for Concat {
    type State = Parts;

    fn backward(self, ops: Ops<Parts, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = incoming(grads, &ops);
        for part in 0..2 {
            give(grads, &ops, part, || {
                ops.state.split(values(&gradient), part)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn channels_and_their_gradients_are_those_of_plain_loops() {
        let device = Device::flex().autodiff();
        let make = |channels: usize, first: f32| {
            let values: Vec<f32> = (0..2 * channels * 6).map(|i| first + i as f32).collect();
            let data = TensorData::new(values, [2, channels, 2, 3]);
            Tensor::<4>::from_data(data, &device).require_grad()
        };
        let (a, b) = (make(3, 0.0), make(2, 100.0));
        let joined = concat_channels(&a, &b).unwrap();
        assert_eq!(joined.dims(), [2, 5, 2, 3]);
        let mut expected = Vec::new();
        for sample in 0..2 {
            expected.extend((sample * 18..sample * 18 + 18).map(|i| i as f32));
            expected.extend((sample * 12..sample * 12 + 12).map(|i| 100.0 + i as f32));
        }
        assert_eq!(joined.to_data().try_to_vec::<f32>().unwrap(), expected);
        // The gradient of each element is its place in the whole.
        let places: Vec<f32> = (0..60).map(|i| i as f32).collect();
        let places = Tensor::<4>::from_data(TensorData::new(places, [2, 5, 2, 3]), &device);
        let gradients = (joined * places).sum().backward();
        let gradient = |part: &Tensor<4>| part.grad(&gradients).unwrap().into_data();
        let first = gradient(&a).try_to_vec::<f32>().unwrap();
        let second = gradient(&b).try_to_vec::<f32>().unwrap();
        let ranges = |first: [usize; 2], len: usize| {
            let of = move |start: usize| (start..start + len).map(|i| i as f32);
            first.into_iter().flat_map(of).collect::<Vec<f32>>()
        };
        assert_eq!(first, ranges([0, 30], 18));
        assert_eq!(second, ranges([18, 48], 12));
        assert!(concat_channels(&a, &b.reshape([2, 2, 3, 2])).is_none());
    }
}
