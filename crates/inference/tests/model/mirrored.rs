//! Test-time augmentation by mirror images.

use burn::prelude::*;
use semivox_data::Volume;
use semivox_inference::{Model, SegmentOptions};
use semivox_models::Architecture;

use super::{description, network, scan, vnet};

/// Of classes that are each other's counterparts, a mirror image shows the other one.
#[test]
fn mirrored_probabilities_of_pairs_are_exchanged() {
    let mut described = description(3, 16);
    described.mirrored = [true, false, false];
    described.label_swap.pairs = vec![[1, 2]];
    let options = SegmentOptions {
        mirrored: true,
        ..SegmentOptions::default()
    };
    let network = network(Architecture::VNet);
    let model = Model::new(network, described, &Device::flex()).unwrap();
    let mut turned = model.prepare(scan()).unwrap();
    let plain = model.probabilities(&turned).unwrap();
    let mirrored = model.with_options(options).unwrap();
    let found = mirrored.probabilities(&turned).unwrap();
    let mut data = turned.image.first().data.clone();
    data.invert_axis(ndarray::Axis(0));
    turned.image = Volume::new(data, *turned.image.geometry()).into();
    let mut image = vnet().probabilities(&turned).unwrap();
    image.invert_axis(ndarray::Axis(1));
    for (class, seen) in [(0, 0), (1, 2), (2, 1)] {
        let of =
            |map: &ndarray::Array4<f32>, class| map.index_axis(ndarray::Axis(0), class).to_owned();
        let expected = (of(&plain, class) + of(&image, seen)) / 2.0;
        let apart = &of(&found, class) - &expected;
        assert!(apart.iter().all(|x| x.abs() < 1e-6), "class {class}");
    }
}

/// Mirror images on two axes: the mean of four predictions, each mirrored back.
#[test]
fn mirrored_probabilities_are_the_mean_over_mirror_images() {
    let options = SegmentOptions {
        mirrored: true,
        ..SegmentOptions::default()
    };
    let (plain, mirrored) = (vnet(), vnet().with_options(options).unwrap());
    let prepared = plain.prepare(scan()).unwrap();
    let found = mirrored.probabilities(&prepared).unwrap();
    let mut expected = plain.probabilities(&prepared).unwrap();
    for axes in [&[0][..], &[2], &[0, 2]] {
        let mut turned = prepared.clone();
        let mut view = prepared.image.first().data.view();
        for &axis in axes {
            view.invert_axis(ndarray::Axis(axis));
        }
        turned.image = Volume::new(view.to_owned(), *prepared.image.geometry()).into();
        let mut one = plain.probabilities(&turned).unwrap();
        axes.iter()
            .for_each(|&a| one.invert_axis(ndarray::Axis(a + 1)));
        expected += &one;
    }
    expected /= 4.0;
    let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-6);
    assert_ne!(found, plain.probabilities(&prepared).unwrap());
}
