//! Dropped and kept values of dropout, and its dependence on the device's seed.

#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_kernels::{alpha_dropout, channel_dropout};

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn whole_channels_drop_with_the_probability_asked_for() {
    let input = Tensor::<4>::ones([100, 60, 2, 3], &Device::flex());
    let output = values(channel_dropout(input, 0.3));
    let kept = output.chunks(6).filter(|channel| channel[0] > 0.0).count();
    for channel in output.chunks(6) {
        assert!(channel.iter().all(|v| *v == channel[0]));
        assert!(channel[0] == 0.0 || (channel[0] - 1.0 / 0.7).abs() < 1e-6);
    }
    // 6000 draws: one standard deviation is 0.006
    assert!((kept as f64 / 6000.0 - 0.7).abs() < 0.035);
}

#[test]
fn the_gradient_is_the_mask() {
    let input = Tensor::<3>::ones([4, 8, 5], &Device::flex().autodiff()).require_grad();
    let output = channel_dropout(input.clone(), 0.5);
    let gradients = output.clone().sum().backward();
    assert_eq!(values(input.grad(&gradients).unwrap()), values(output));
}

#[test]
fn alpha_dropout_keeps_mean_and_variance() {
    let device = Device::flex();
    let input = Tensor::<2>::random([300, 300], Distribution::Normal(0.0, 1.0), &device);
    let (variance, mean) = alpha_dropout(input, 0.4).reshape([90_000]).var_mean(0);
    assert!(mean.into_scalar::<f32>().abs() < 0.03);
    assert!((variance.into_scalar::<f32>() - 1.0).abs() < 0.05);
}

/// Dropped values are all `a * f + b`, kept ones `a * x + b`; in PyTorch a = 0.8864 and b = 0.7792 for
/// p = 0.5.
#[test]
fn alpha_dropout_has_the_constants_of_pytorch() {
    let output = values(alpha_dropout(
        Tensor::<1>::zeros([200], &Device::flex()),
        0.5,
    ));
    for value in output {
        let (kept, dropped) = (0.779_194_6, -0.779_194_6);
        assert!(
            (value - kept).abs() < 1e-5 || (value - dropped).abs() < 1e-5,
            "{value}"
        );
    }
}

#[test]
#[should_panic(expected = "expected a dropout probability in [0, 1), got 1")]
fn dropping_everything_is_refused() {
    channel_dropout(Tensor::<2>::ones([1, 1], &Device::flex()), 1.0);
}
