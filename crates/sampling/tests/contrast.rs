//! The contrast sampler against plain loops.
#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use rand::RngExt;
use semivox_sampling::{
    ContrastConfig, ContrastInput, ContrastSampler, ContrastSamples, keyed_rng,
};

const SHAPE: [usize; 3] = [3, 4, 5];
const BATCH: usize = 2;
const WIDTH: usize = 3;
const VOXELS: usize = BATCH * 60;

/// Random voxels on the host; channel 0 of a representation is the voxel's index.
struct Scene {
    features: Vec<[f32; WIDTH]>,
    labels: Vec<i32>,
    valid: Vec<bool>,
    probability: Vec<f32>,
}

impl Scene {
    fn new(seed: u64, classes: std::ops::Range<i32>) -> Self {
        let mut rng = keyed_rng(seed, 0, "scene");
        let mut scene = Self {
            features: vec![],
            labels: vec![],
            valid: vec![],
            probability: vec![],
        };
        for n in 0..VOXELS {
            scene.features.push([
                n as f32,
                rng.random::<f32>() - 0.5,
                rng.random::<f32>() - 0.5,
            ]);
            scene.labels.push(rng.random_range(classes.clone()));
            scene.valid.push(rng.random_range(0..4) > 0);
            scene
                .probability
                .push([0.2, 0.9699, 0.97, 0.99][rng.random_range(0..4)]);
        }
        scene
    }

    fn input(&self, device: &Device) -> ContrastInput<5> {
        let [d, h, w] = SHAPE;
        let map = [BATCH, 1, d, h, w];
        let mut flat = Vec::new();
        for sample in self.features.chunks(VOXELS / BATCH) {
            for channel in 0..WIDTH {
                flat.extend(sample.iter().map(|vector| vector[channel]));
            }
        }
        let representations = TensorData::new(flat, [BATCH, WIDTH, d, h, w]);
        let probability = TensorData::new(self.probability.clone(), map);
        ContrastInput {
            representations: Tensor::from_data(representations, device),
            labels: Tensor::from_data(TensorData::new(self.labels.clone(), map), device),
            valid: Tensor::from_data(TensorData::new(self.valid.clone(), map), device),
            probability: Tensor::from_data(probability, device),
        }
    }

    fn member(&self, class: usize, voxel: usize) -> bool {
        self.valid[voxel] && self.labels[voxel] == class as i32
    }

    fn mean(&self, class: usize) -> [f32; WIDTH] {
        let voxels: Vec<usize> = (0..VOXELS).filter(|&n| self.member(class, n)).collect();
        let sum = |c: usize| voxels.iter().map(|&n| self.features[n][c]).sum::<f32>();
        [0, 1, 2].map(|c| sum(c) / voxels.len().max(1) as f32)
    }
}

fn config(queries: usize, negatives: usize) -> ContrastConfig {
    ContrastConfig {
        queries,
        negatives,
        ..ContrastConfig::default()
    }
}

fn read<const D: usize>(x: &Tensor<D>) -> Vec<f32> {
    x.to_data().try_to_vec().unwrap()
}

/// The indices of the drawn voxels, after checking that the complete vectors match.
fn voxels(scene: &Scene, vectors: &[f32]) -> Vec<usize> {
    let voxel = |vector: &[f32]| {
        let n = vector[0] as usize;
        assert_eq!(vector, scene.features[n]);
        n
    };
    vectors.chunks(WIDTH).map(voxel).collect()
}

fn draw(scene: &Scene, config: ContrastConfig, classes: usize, step: u64) -> ContrastSamples {
    let sampler = ContrastSampler::new(config, classes, 1337).unwrap();
    sampler.sample(scene.input(&Device::flex()), step).unwrap()
}

#[test]
fn every_draw_lies_in_its_mask() {
    for (classes, q, m) in [(2, 6, 9), (4, 6, 9), (3, 20, 20)] {
        let scene = Scene::new(classes as u64, -1..classes);
        let classes = classes as usize;
        let samples = draw(&scene, config(q, m), classes, 3);
        let queries = voxels(&scene, &read(&samples.queries));
        let negatives = voxels(&scene, &read(&samples.negatives));
        for class in 0..classes {
            for &n in &queries[class * q..(class + 1) * q] {
                assert!(scene.member(class, n) && scene.probability[n] < 0.97);
            }
            for &n in &negatives[class * q * m..(class + 1) * q * m] {
                assert!(scene.valid[n] && scene.labels[n] >= 0);
                assert_ne!(scene.labels[n], class as i32);
            }
        }
        for (found, expected) in read(&samples.positives)
            .chunks(WIDTH)
            .zip((0..classes).map(|c| scene.mean(c)))
        {
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 1e-4, "{f} {e}");
            }
        }
    }
}

#[test]
fn draws_are_uniform_over_the_mask() {
    let scene = Scene::new(8, 0..2);
    let samples = draw(&scene, config(4000, 2), 2, 0);
    let check = |drawn: &[usize], mask: &dyn Fn(usize) -> bool| {
        let members: Vec<usize> = (0..VOXELS).filter(|&n| mask(n)).collect();
        let expected = drawn.len() as f64 / members.len() as f64;
        let count = |n: usize| drawn.iter().filter(|&&d| d == n).count() as f64;
        let chi: f64 = members
            .iter()
            .map(|&n| (count(n) - expected).powi(2) / expected)
            .sum();
        // Mean k, standard deviation sqrt(2 k): five of them above the mean.
        let k = members.len() as f64 - 1.0;
        assert!(
            k > 5.0 && chi < k + 5.0 * (2.0 * k).sqrt(),
            "chi^2 {chi} of {k}"
        );
    };
    let queries = voxels(&scene, &read(&samples.queries));
    let negatives = voxels(&scene, &read(&samples.negatives));
    for class in 0..2 {
        let hard = |n: usize| scene.member(class, n) && scene.probability[n] < 0.97;
        check(&queries[class * 4000..(class + 1) * 4000], &hard);
        check(&negatives[class * 8000..(class + 1) * 8000], &|n| {
            scene.member(1 - class, n)
        });
    }
}

#[test]
fn near_classes_are_contrasted_more_often() {
    let mut scene = Scene::new(5, 0..3);
    for n in 0..VOXELS {
        let direction = [[1.0, 0.2], [1.0, -0.2], [-1.0, 0.0]][scene.labels[n] as usize];
        scene.features[n] = [0.0, direction[0], direction[1]];
    }
    let samples = draw(&scene, config(100, 40), 3, 0);
    let negatives = read(&samples.negatives);
    let near = negatives[..4000 * WIDTH]
        .chunks(WIDTH)
        .filter(|v| v[1] > 0.0)
        .count();
    // cos 12/13 against -1/sqrt(1.04), temperature 0.5.
    let odds = (2.0 * (12.0f64 / 13.0 + 1.0 / 1.04f64.sqrt())).exp();
    let expected = odds / (1.0 + odds);
    assert!(
        (near as f64 / 4000.0 - expected).abs() < 0.015,
        "{near} of 4000, {expected}"
    );
}

#[test]
fn seed_and_step_decide_the_draws() {
    let scene = Scene::new(6, 0..3);
    let first = draw(&scene, config(9, 5), 3, 4);
    let again = draw(&scene, config(9, 5), 3, 4);
    assert_eq!(read(&first.queries), read(&again.queries));
    assert_eq!(read(&first.negatives), read(&again.negatives));
    assert_ne!(
        read(&first.queries),
        read(&draw(&scene, config(9, 5), 3, 5).queries)
    );
}

#[test]
fn missing_classes_are_marked_and_finite() {
    let mut scene = Scene::new(7, 0..2);
    for n in 0..VOXELS {
        if scene.labels[n] == 1 {
            scene.probability[n] = 0.99;
        }
    }
    let samples = draw(&scene, config(4, 3), 4, 0);
    assert_eq!(read(&samples.valid_classes), [1., 1., 0., 0.]);
    assert_eq!(read(&samples.classes_with_queries), [1., 0., 0., 0.]);
    assert_eq!(read(&samples.class_weights()), [0.5, 0., 0., 0.]);
    scene.valid.fill(false);
    let empty = draw(&scene, config(4, 3), 4, 0);
    scene.valid[119] = true;
    let single = draw(&scene, config(4, 3), 4, 0);
    for samples in [samples, empty, single] {
        let all = [
            read(&samples.queries),
            read(&samples.positives),
            read(&samples.negatives),
        ];
        assert!(all.concat().iter().all(|v| v.is_finite()));
    }
    let none = draw(&scene, config(4, 3), 4, 0).class_weights();
    assert_eq!(read(&none), [0.; 4]);
}

#[test]
fn only_the_queries_carry_a_gradient() {
    let device = Device::flex().autodiff();
    let scene = Scene::new(9, 0..2);
    let mut input = scene.input(&device);
    input.representations = input.representations.require_grad();
    input.probability = input.probability.require_grad();
    let (representations, probability) = (input.representations.clone(), input.probability.clone());
    let samples = ContrastSampler::new(config(8, 4), 2, 1)
        .unwrap()
        .sample(input, 0)
        .unwrap();
    let drawn = voxels(&scene, &read(&samples.queries));
    let weights = Tensor::<3>::from_floats([[[1.0, 10.0, 100.0]]], &device);
    let loss =
        (samples.queries * weights).sum() + samples.positives.sum() + samples.negatives.sum();
    let gradients = loss.backward();
    assert!(probability.grad(&gradients).is_none());
    let gradient = read(&representations.grad(&gradients).unwrap());
    for n in 0..VOXELS {
        let times = drawn.iter().filter(|&&d| d == n).count() as f32;
        for (channel, weight) in [1.0, 10.0, 100.0].iter().enumerate() {
            let place = (n / 60 * WIDTH + channel) * 60 + n % 60;
            assert_eq!(gradient[place], times * weight);
        }
    }
}

#[test]
fn shared_negatives_are_one_set_a_class() {
    let scene = Scene::new(3, 0..2);
    let shared = ContrastConfig {
        shared_negatives: true,
        ..config(6, 9)
    };
    let samples = draw(&scene, shared, 2, 0);
    assert_eq!(samples.negatives.dims(), [2, 1, 9, WIDTH]);
    let negatives = voxels(&scene, &read(&samples.negatives));
    assert!(negatives[..9].iter().all(|&n| scene.member(1, n)));
}

#[test]
fn wrong_settings_and_shapes_are_refused() {
    let make = |config, classes| ContrastSampler::new(config, classes, 0);
    assert!(make(config(0, 4), 2).is_err());
    assert!(make(config(4, 0), 2).is_err());
    assert!(make(config(4, 4), 1).is_err());
    assert!(
        make(
            ContrastConfig {
                temperature: 0.0,
                ..config(4, 4)
            },
            2
        )
        .is_err()
    );
    let mut input = Scene::new(1, 0..2).input(&Device::flex());
    input.labels = input.labels.narrow(0, 0, 1);
    let error = make(config(4, 4), 2).unwrap().sample(input, 0).unwrap_err();
    assert!(
        error.to_string().starts_with("expected labels of shape"),
        "{error}"
    );
}
