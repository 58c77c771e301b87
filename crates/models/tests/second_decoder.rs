//! Encoders with two decoders, and independent copies.

#![allow(clippy::unwrap_used)]

use burn::module::{ModuleVisitor, Param, ParamId};
use burn::prelude::*;
use semivox_models::{Architecture, Network, NetworkConfig, Upsampling, trainable_parameters};

const BOTH: [(Architecture, [usize; 5]); 2] = [
    (Architecture::VNet, [2, 1, 16, 32, 16]),
    (Architecture::UNet, [2, 1, 16, 32, 1]),
];

fn config(architecture: Architecture) -> NetworkConfig {
    NetworkConfig::new(1, 3)
        .with_filters(2)
        .with_dropout(0.0)
        .with_architecture(architecture)
}

fn ramp(shape: [usize; 5], device: &Device) -> Tensor<5> {
    let count = shape.iter().product::<usize>() as i64;
    let values = Tensor::<1, Int>::arange(0..count, device).float();
    (values * 0.37).sin().reshape(shape)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Identities of all trainable parameters.
struct Names(Vec<ParamId>);

impl ModuleVisitor for Names {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.push(param.id);
        }
    }
}

fn names(network: &Network) -> Vec<ParamId> {
    let mut names = Names(Vec::new());
    network.visit(&mut names);
    names.0
}

#[test]
fn the_encoder_gives_five_levels_and_a_second_decoder_takes_them() {
    let device = Device::flex();
    for (architecture, shape) in BOTH {
        let config = config(architecture);
        let network = config.init(&device);
        let second = config.clone().with_upsampling(Upsampling::Linear);
        let second = second.init_decoder(&device);
        let x = ramp(shape, &device);
        let encoded = network.encode(x.clone());
        for (level, map) in encoded.iter().enumerate() {
            let [batch, channels, side, ..] = map.dims();
            assert_eq!([batch, channels, side], [2, 2 << level, 16 >> level]);
        }
        let own = network.forward(x.clone());
        assert_eq!(
            values(own.bottleneck),
            values(encoded[4].clone()),
            "without dropout"
        );
        let other = network.forward_with(&second, x);
        assert_eq!(other.logits.dims(), own.logits.dims());
        assert_ne!(values(other.logits), values(own.logits));
        for (blocks, side) in [(0, 1), (1, 2), (2, 4), (4, 16)] {
            let map = network.decode_part(encoded.clone(), blocks);
            assert_eq!(map.dims()[..3], [2, config.channels_after(blocks), side]);
        }
        let last = network.decode_part(encoded, 4);
        assert_eq!(values(last), values(own.features[4].clone()));
    }
}

#[test]
fn a_second_network_starts_from_the_encoder_and_is_trained_by_itself() {
    let device = Device::flex().autodiff();
    for (architecture, shape) in BOTH {
        let config = config(architecture);
        let first = config.init(&device);
        let second = config.with_upsampling(Upsampling::Linear).init(&device);
        let second = second.with_encoder_of(&first);
        let x = ramp(shape, &device);
        let lowest = |network: &Network| values(network.encode(x.clone())[4].clone());
        assert_eq!(lowest(&first), lowest(&second));
        let (first_names, second_names) = (names(&first), names(&second));
        assert!(first_names.iter().all(|name| !second_names.contains(name)));
        // The statistics of the two are independent.
        let plain = x.clone().inner();
        let still = |network: &Network| values(network.valid().encode(plain.clone())[4].clone());
        let before = still(&second);
        first.encode(x.clone() * 3.0);
        assert_eq!(before, still(&second));
        assert_ne!(before, still(&first));
    }
}

#[test]
fn decoders_differ_in_their_way_up_alone() {
    let device = Device::flex().autodiff();
    for (architecture, _) in BOTH {
        let count = |upsampling| {
            let config = config(architecture).with_upsampling(upsampling);
            let second = trainable_parameters(&config.init_decoder(&device));
            let whole = trainable_parameters(&config.init(&device));
            (second, whole - second)
        };
        let (transposed, encoder) = count(Upsampling::Transposed);
        let [(linear, same), nearest] = [Upsampling::Linear, Upsampling::Nearest].map(count);
        assert_ne!(transposed, linear);
        assert_eq!(encoder, same);
        assert_eq!(nearest, (linear, same));
    }
}

#[test]
#[should_panic(expected = "same architecture")]
fn an_encoder_of_another_architecture_is_refused() {
    let network = |architecture| config(architecture).init(&Device::flex());
    network(Architecture::VNet).with_encoder_of(&network(Architecture::UNet));
}
