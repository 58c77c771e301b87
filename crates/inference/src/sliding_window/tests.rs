//! Unit tests of sliding-window inference, against plain loops.
#![allow(clippy::unwrap_used)]
use super::*;
use semivox_models::{Network, NetworkConfig};

fn network(device: &Device) -> Network {
    device.seed(5);
    NetworkConfig::new(1, 3).with_filters(1).init(device)
}

fn forward(network: &Network) -> impl Fn(Tensor<5>) -> Tensor<5> {
    |input| network.forward(input).logits
}

/// Computes the softmax of one window by Burn's operator.
fn predict(network: &Network, window: ArrayView3<'_, f32>, device: &Device) -> Array4<f32> {
    let logits = infer(forward(network), &[window], device);
    let logits = view(&logits, None, window.dim().into()).unwrap();
    let (shape, values) = (logits.dim(), logits.iter().copied().collect::<Vec<_>>());
    let data = TensorData::new(values, [shape.0, window.len()]);
    let probabilities = burn::tensor::activation::softmax(Tensor::<2>::from_data(data, device), 0);
    let values = probabilities.into_data().try_into_vec::<f32>().unwrap();
    Array4::from_shape_vec(shape, values).unwrap()
}

fn volume(shape: [usize; 3]) -> Array3<f32> {
    Array3::from_shape_fn(shape, |(x, y, z)| {
        ((x * 7 + y * 5 + z * 3) % 11) as f32 / 5.0 - 1.0
    })
}

fn windows(stride: [usize; 3], blend: Blend) -> SlidingWindow {
    SlidingWindow {
        window: [16; 3],
        stride,
        blend,
    }
}

/// The reference is, for every voxel, the plain mean over all windows that contain it.
#[test]
fn uniform_blend_is_the_mean_over_covering_windows() {
    let device = Device::flex();
    let (network, volume) = (network(&device), volume([20, 16, 23]));
    let found = windows([3, 16, 5], Blend::Uniform).probabilities(
        forward(&network),
        &[volume.view()],
        &device,
    );
    let found = found.unwrap();
    let starts = |side: usize, stride: usize| -> Vec<usize> {
        let mut starts: Vec<usize> = (0..side - 16).step_by(stride).collect();
        starts.push(side - 16);
        starts
    };
    let (mut sum, mut count) = (
        Array4::<f32>::zeros((3, 20, 16, 23)),
        Array3::zeros((20, 16, 23)),
    );
    for &x in &starts(20, 3) {
        for &z in &starts(23, 5) {
            let p = predict(
                &network,
                volume.slice(s![x..x + 16, .., z..z + 16]),
                &device,
            );
            let mut area = sum.slice_mut(s![.., x..x + 16, .., z..z + 16]);
            area += &p;
            let mut area = count.slice_mut(s![x..x + 16, .., z..z + 16]);
            area += 1.0f32;
        }
    }
    for ((class, x, y, z), p) in found.indexed_iter() {
        assert!((p - sum[[class, x, y, z]] / count[[x, y, z]]).abs() < 1e-6);
    }
}

#[test]
fn probabilities_sum_to_one_also_where_the_volume_is_smaller_than_the_window() {
    let device = Device::flex();
    for blend in [Blend::Uniform, Blend::Gaussian] {
        for shape in [[16, 21, 17], [9, 30, 5]] {
            let network = network(&device);
            let p = windows([7, 9, 16], blend).probabilities(
                forward(&network),
                &[volume(shape).view()],
                &device,
            );
            let p = p.unwrap();
            assert_eq!(p.dim(), (3, shape[0], shape[1], shape[2]));
            assert!(
                p.sum_axis(ndarray::Axis(0))
                    .iter()
                    .all(|s| (s - 1.0).abs() < 1e-5)
            );
        }
    }
}

#[test]
fn bad_windows_are_named() {
    let message = |window, stride| {
        SlidingWindow {
            window,
            stride,
            blend: Blend::Uniform,
        }
        .check()
        .unwrap_err()
        .to_string()
    };
    assert!(message([16; 3], [4, 17, 4]).contains("axis 1, found 17"));
}

/// A network that sees one voxel at a time: two classes with the logits `-x` and `x`.
fn pointwise(input: Tensor<5>) -> Tensor<5> {
    Tensor::cat(vec![-input.clone(), input], 1)
}

/// Padding and the way back move no voxel: each has the softmax of its own value.
#[test]
fn voxels_keep_their_place_in_volumes_smaller_and_larger_than_the_window() {
    for blend in [Blend::Uniform, Blend::Gaussian] {
        for shape in [[9, 30, 5], [16, 16, 16], [21, 7, 16]] {
            let volume = volume(shape);
            let windows = windows([7, 9, 16], blend);
            let found = windows.probabilities(pointwise, &[volume.view()], &Device::flex());
            for ((class, x, y, z), p) in found.unwrap().indexed_iter() {
                let value = volume[[x, y, z]] * [-1.0, 1.0][class];
                let expected = 1.0 / (1.0 + (-2.0 * value).exp());
                assert!((p - expected).abs() < 1e-5, "{shape:?} {p} {expected}");
            }
        }
    }
}

/// Of two windows of constant but different logits, each counts by the bell of σ = side / 8 around its center.
#[test]
fn the_gaussian_blend_weighs_windows_by_the_distance_from_their_centers() {
    let calls = std::cell::Cell::new(0);
    let forward = |input: Tensor<5>| {
        let logit = [3.0, -1.0][calls.replace(calls.get() + 1)];
        let zeros = input.zeros_like();
        Tensor::cat(vec![zeros.clone(), zeros.add_scalar(logit)], 1)
    };
    let volume = volume([24, 16, 16]);
    let windows = windows([8, 16, 16], Blend::Gaussian);
    let found = windows.probabilities(forward, &[volume.view()], &Device::flex());
    let found = found.unwrap();
    let bell = |x: f64, center: f64| (-0.5 * ((x - center) / 2.0).powi(2)).exp();
    let [first, second] = [3.0_f64, -1.0].map(|logit| 1.0 / (1.0 + (-logit).exp()));
    for x in 0..24 {
        // Along the other axes the voxel is next to the center of both windows.
        let aside = bell(7.0, 7.5).powi(2);
        let weight = |start: f64| {
            let inside = (start..start + 16.0).contains(&f64::from(x));
            let weight = (bell(f64::from(x), start + 7.5) * aside).max(1e-3);
            if inside { weight } else { 0.0 }
        };
        let expected = (weight(0.0) * first + weight(8.0) * second) / (weight(0.0) + weight(8.0));
        let p = f64::from(found[[1, x as usize, 7, 7]]);
        assert!((p - expected).abs() < 1e-5, "{x}: {p} {expected}");
    }
}

#[test]
fn outputs_that_say_nothing_are_errors() {
    let device = Device::flex();
    let volume = volume([20, 16, 16]);
    let message = |forward: &dyn Fn(Tensor<5>) -> Tensor<5>, stride| {
        let windows = windows(stride, Blend::Uniform);
        let found = windows.probabilities(forward, &[volume.view()], &device);
        found.unwrap_err().to_string()
    };
    let half = |input: Tensor<5>| pointwise(input).narrow(2, 0, 8);
    let found = message(&half, [8; 3]);
    assert!(
        found.contains("[1, 2, 16, 16, 16]") && found.contains("found [1, 2, 8, 16, 16]"),
        "{found}"
    );
    let calls = std::cell::Cell::new(0);
    let growing = |input: Tensor<5>| {
        calls.set(calls.get() + 1);
        Tensor::cat(vec![input; 1 + calls.get()], 1)
    };
    let found = message(&growing, [8; 3]);
    assert!(found.contains("found [1, 3, 16, 16, 16]"), "{found}");
    for value in [f32::NAN, f32::INFINITY] {
        // In the second window alone.
        let calls = std::cell::Cell::new(0);
        let broken = |input: Tensor<5>| {
            let logits = pointwise(input);
            match calls.replace(calls.get() + 1) {
                0 => logits,
                _ => logits.slice_fill([0..1, 1..2, 15..16, 2..3, 3..4], value),
            }
        };
        let found = message(&broken, [8, 16, 16]);
        assert!(found.contains("starts at voxel [4, 0, 0]"), "{found}");
    }
    let found = message(&pointwise, [17, 16, 16]);
    assert!(found.contains("axis 0, found 17"), "{found}");
}
