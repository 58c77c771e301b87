//! Unit tests of the stages of global and local contrast.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::method::{AnyStage, Running};
use crate::testing::{batch, context, run_stage};
use burn::module::{ModuleVisitor, Param};
use semivox_models::{Architecture, NetworkConfig};

/// Collects the trainable values of a module, in the order of its fields.
struct Values(Vec<f32>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.extend(param.val().into_data().iter::<f32>());
        }
    }
}

/// Returns the trainable values of encoder and decoder.
fn parts(network: &Network) -> [Vec<f32>; 2] {
    let visit = |visit: &dyn Fn(&mut Values)| {
        let mut values = Values(Vec::new());
        visit(&mut values);
        values.0
    };
    let all = visit(&|values| network.visit(values));
    let decoder = match network {
        Network::VNet(network) => visit(&|values| network.decoder().visit(values)),
        Network::UNet(network) => visit(&|values| network.decoder().visit(values)),
    };
    let encoder = all.len() - decoder.len();
    [all[..encoder].to_vec(), decoder]
}

/// Collects all values of a network, including its running statistics.
struct Everything(Vec<f32>);

impl ModuleVisitor for Everything {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(param.val().into_data().iter::<f32>());
    }
}

#[test]
fn a_fixed_encoder_records_no_graph_and_its_statistics_go_on() {
    let everything = |network: &Network| {
        let mut values = Everything(Vec::new());
        network.valid().visit(&mut values);
        values.0
    };
    for (encoder, tracked) in [
        (EncoderInLocal::Fixed, false),
        (EncoderInLocal::Trained, true),
    ] {
        let context = context(NetworkConfig::new(1, 3).with_filters(1), [16; 3]);
        let config = GlobalLocalConfig {
            encoder,
            ..GlobalLocalConfig::new(6)
        };
        let network = context.student();
        let before = everything(&network);
        let [images, _] = batch([1, 1], &context, 0).views();
        let maps = LocalContrast::new(config).encode(&network, images);
        assert!(maps.iter().all(|map| map.is_tracked() == tracked));
        assert_ne!(before, everything(&network));
        let trainable = parts(&network);
        assert!(trainable.iter().all(|part| !part.is_empty()));
    }
}

#[test]
fn each_stage_moves_what_it_trains_in_volumes_and_slices() {
    for (architecture, patch) in [
        (Architecture::VNet, [32, 32, 32]),
        (Architecture::UNet, [48, 32, 1]),
    ] {
        let network = NetworkConfig::new(1, 3).with_filters(2);
        let context = context(network.with_architecture(architecture), patch);
        let config = GlobalLocalConfig {
            hidden: 16,
            ..GlobalLocalConfig::new(6)
        };
        let stages: [(Box<dyn AnyStage>, [bool; 2]); 3] = [
            (
                stage(GlobalContrast::new(config.clone(), [false; 3])),
                [true, false],
            ),
            (stage(LocalContrast::new(config.clone())), [false, true]),
            (stage(config.fine_tuning()), [true, true]),
        ];
        let mut networks = Handover::new(context.student());
        for (mut stage, moved) in stages {
            let before = parts(&networks.student);
            stage.begin(networks, &context).unwrap();
            let values = run_stage(stage.as_mut(), &context);
            assert!(values[0][0].1 > 0.0);
            networks = stage.leave();
            let after = parts(&networks.student);
            for part in 0..2 {
                let changed = before[part] != after[part];
                let name = stage.plan().name;
                assert_eq!(changed, moved[part], "stage {name}, part {part}");
            }
        }
    }
}

/// Erases the state type of a stage.
fn stage<S: Stage + 'static>(stage: S) -> Box<dyn AnyStage> {
    Box::new(Running::new(stage))
}
