//! Invalid configurations and the default initialization.

#![allow(clippy::unwrap_used)]

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use semivox_models::{
    Down, GlobalPredictorConfig, GlobalProjectorConfig, LocalPredictorConfig, LocalProjectorConfig,
    ModelError, RepresentationHeadConfig, Resolution, UNetConfig, Up, VNetConfig, materialize,
    trainable_parameters,
};

/// The largest magnitude in every parameter of rank five.
#[derive(Default)]
struct Bounds(Vec<f32>);

impl ModuleVisitor for Bounds {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if D == 5 {
            self.0.push(param.val().abs().max().into_scalar());
        }
    }
}

fn bound<M: Module>(module: M) -> f32 {
    let mut bounds = Bounds::default();
    materialize(module).visit(&mut bounds);
    bounds.0[0]
}

#[test]
fn weights_are_uniform_in_one_over_root_fan_in() {
    let device = Device::flex();
    // in * 2³ of a convolution; out * 2³ of a transposed one, as in PyTorch
    for (found, fan_in) in [
        (bound(Down::new([4, 32], &device)), 32.0_f32),
        (bound(Up::new([32, 4], &device)), 32.0),
    ] {
        let limit = fan_in.sqrt().recip();
        assert!(
            found <= limit && found > 0.98 * limit,
            "{found} against {limit}"
        );
    }
}

#[test]
fn zero_sizes_are_refused() {
    let zero = |field| Err(ModelError::ZeroSize { field });
    assert_eq!(VNetConfig::new(0, 2).validate(), zero("in_channels"));
    assert_eq!(VNetConfig::new(1, 0).validate(), zero("classes"));
    assert_eq!(
        VNetConfig::new(1, 2).with_filters(0).validate(),
        zero("filters")
    );
    let config = VNetConfig::new(1, 2).with_signed_distance(Some(0));
    assert_eq!(config.validate(), zero("signed_distance"));
    assert_eq!(GlobalProjectorConfig::new(0).validate(), zero("channels"));
    assert_eq!(GlobalPredictorConfig::new(0).validate(), zero("embedding"));
    assert_eq!(LocalPredictorConfig::new(0).validate(), zero("channels"));
    let config = LocalProjectorConfig::new(2).with_grid([4, 0, 4]);
    assert_eq!(config.validate(), zero("grid"));
    let config = RepresentationHeadConfig::new(256).with_width(0);
    assert_eq!(config.validate(), zero("width"));
    for dropout in [1.0, -0.1, f64::NAN] {
        let config = VNetConfig::new(1, 2).with_dropout(dropout);
        assert!(matches!(
            config.validate(),
            Err(ModelError::Probability { .. })
        ));
    }
}

#[test]
#[should_panic(expected = "expected `filters` of at least 1, found 0")]
fn init_names_the_wrong_field() {
    VNetConfig::new(1, 2).with_filters(0).init(&Device::flex());
}

#[test]
#[should_panic(expected = "multiples of 16, got [16, 24, 16]")]
fn sides_must_be_multiples_of_16() {
    let device = Device::flex();
    let model = VNetConfig::new(1, 2).with_filters(1).init(&device);
    model.forward(Tensor::zeros([1, 1, 16, 24, 16], &device));
}

#[test]
fn any_number_of_channels_classes_and_maps() {
    let device = Device::flex();
    let config = VNetConfig::new(3, 5)
        .with_filters(3)
        .with_signed_distance(Some(4));
    let output = config
        .init(&device)
        .forward(Tensor::ones([1, 3, 16, 32, 16], &device));
    assert_eq!(output.logits.dims(), [1, 5, 16, 32, 16]);
    assert_eq!(output.bottleneck.dims(), [1, 48, 1, 2, 1]);
    assert_eq!(output.signed_distance.unwrap().dims(), [1, 4, 16, 32, 16]);
    let channels: Vec<usize> = output.features.iter().map(|map| map.dims()[1]).collect();
    assert_eq!(channels, config.feature_channels());
    let sides: Vec<usize> = output.features.iter().map(|map| map.dims()[3]).collect();
    assert_eq!(sides, [4, 8, 16, 32, 32]);
}

#[test]
fn heads_have_the_parameters_of_the_official_code() {
    let device = Device::flex().autodiff();
    let head = RepresentationHeadConfig::new(256).init(&device);
    assert_eq!(trainable_parameters(&head), 901_248);
    let channels = UNetConfig::new(1, 4).feature_channels().iter().sum();
    assert_eq!(channels, 496);
    let head = RepresentationHeadConfig::new(channels).with_width(512);
    let head = head.with_slices(true).init(&device);
    let kernel = 496 * 512 * 3 * 3;
    assert_eq!(trainable_parameters(&head), kernel + 512 * 512 + 512);
    let head = GlobalProjectorConfig::new(128).init(&device);
    assert_eq!(trainable_parameters(&head), 2 * (128 * 128 + 128));
    let head = LocalProjectorConfig::new(2).init(&device);
    assert_eq!(trainable_parameters(&head), (2 * 4 + 4) + (4 * 2 + 2));
}

#[test]
fn configurations_survive_json() {
    let config = RepresentationHeadConfig::new(64).with_resolution(Resolution::Half);
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains("\"half\""));
    assert_eq!(
        serde_json::from_str::<RepresentationHeadConfig>(&text).unwrap(),
        config
    );
    let config = VNetConfig::new(1, 4).with_signed_distance(Some(3));
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<VNetConfig>(&text).unwrap(), config);
}
