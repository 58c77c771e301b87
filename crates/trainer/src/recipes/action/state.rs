//! What ACTION keeps during a stage: heads and memory banks.

use burn::module::Module;
use semivox_models::{
    GlobalPredictor, GlobalPredictorConfig, GlobalProjector, GlobalProjectorConfig, LocalPredictor,
    LocalPredictorConfig, LocalProjector, LocalProjectorConfig, RepresentationHead,
    RepresentationHeadConfig,
};
use semivox_sampling::FeatureQueue;

use super::ActionConfig;
use super::local::LocalPatches;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::ema::teacher_of;
use crate::error::TrainError;
use crate::recipe::Setting;

/// What exists only during a stage.
#[derive(Debug, Clone)]
pub(super) enum StageState {
    /// Stages i (without local bank) and ii.
    Distillation(Box<Distillation>),
    /// Stage iii.
    Contrast(Box<RepresentationHead>),
}

/// Heads and banks of stages i and ii.
#[derive(Debug, Clone)]
pub(super) struct Distillation {
    pub(super) heads: Heads,
    pub(super) keys: Projectors,
    pub(super) global_bank: FeatureQueue,
    pub(super) local_bank: Option<FeatureQueue>,
}

/// Projectors, of queries (trained) or of keys (averaged).
#[derive(Module, Debug)]
pub(super) struct Projectors {
    pub(super) global: GlobalProjector,
    pub(super) local: LocalProjector,
}

/// The student's heads in stages i and ii.
#[derive(Module, Debug)]
pub(super) struct Heads {
    pub(super) projectors: Projectors,
    pub(super) global_predictor: GlobalPredictor,
    pub(super) local_predictor: LocalPredictor,
}

impl Distillation {
    /// New heads, whose keys start as copies of the queries' projectors, and
    /// banks of noise; the local bank belongs to stage ii.
    pub(super) fn new(
        config: &ActionConfig,
        setting: &Setting,
        local: bool,
    ) -> Result<Self, TrainError> {
        let Setting {
            network,
            patch,
            seed,
            device,
            ..
        } = setting;
        let (width, classes) = (config.global_width, network.classes);
        let channels = network.feature_channels()[0];
        let patches = LocalPatches::new(config, *patch);
        let local_projector = LocalProjectorConfig::new(classes).with_grid(patches.pooled);
        let entry = local_projector.embedding();
        let projectors = setting.drawn(|device| Projectors {
            global: GlobalProjectorConfig::new(channels)
                .with_embedding(width)
                .init(device),
            local: local_projector.init(device),
        });
        let stage = if local { "stage ii" } else { "stage i" };
        let bank = |shape: &[usize], kind: &str| {
            let name = format!("{stage} {kind} bank");
            FeatureQueue::new(config.bank, shape, *seed, &name, device)
        };
        Ok(Self {
            keys: teacher_of(&projectors),
            heads: Heads {
                projectors,
                global_predictor: setting
                    .drawn(|device| GlobalPredictorConfig::new(width).init(device)),
                local_predictor: setting
                    .drawn(|device| LocalPredictorConfig::new(classes).init(device)),
            },
            global_bank: bank(&[width], "global")?,
            local_bank: local
                .then(|| bank(&[patches.count(), entry], "local"))
                .transpose()?,
        })
    }
}

impl StageState {
    /// The state at the beginning of stage `index`.
    pub(super) fn new(
        index: usize,
        config: &ActionConfig,
        setting: &Setting,
    ) -> Result<Self, TrainError> {
        Ok(match index {
            0 | 1 => Self::Distillation(Box::new(Distillation::new(config, setting, index == 1)?)),
            _ => Self::Contrast(Box::new(representation_head(config, setting))),
        })
    }

    pub(super) fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        match self {
            Self::Distillation(state) => {
                checkpoint.module("heads", &state.heads)?;
                checkpoint.module("keys", &state.keys)?;
                checkpoint.queue("global_bank", &state.global_bank)?;
                match &state.local_bank {
                    Some(bank) => checkpoint.queue("local_bank", bank),
                    None => Ok(()),
                }
            }
            Self::Contrast(head) => checkpoint.module("representation", head.as_ref()),
        }
    }

    pub(super) fn load(
        &mut self,
        checkpoint: &CheckpointReader,
        setting: &Setting,
    ) -> Result<(), TrainError> {
        match self {
            Self::Distillation(state) => {
                state.heads = checkpoint.module("heads", state.heads.clone())?;
                state.keys = checkpoint.module("keys", state.keys.clone())?;
                state.global_bank = checkpoint.queue("global_bank", &setting.device)?;
                if let Some(bank) = &mut state.local_bank {
                    *bank = checkpoint.queue("local_bank", &setting.device)?;
                }
            }
            Self::Contrast(head) => {
                **head = checkpoint.module("representation", head.as_ref().clone())?;
            }
        }
        Ok(())
    }
}

fn representation_head(config: &ActionConfig, setting: &Setting) -> RepresentationHead {
    let channels = setting.network.feature_channels().iter().sum();
    let head = RepresentationHeadConfig::new(channels)
        .with_width(config.representation_width)
        .with_resolution(config.representation_resolution)
        .with_slices(setting.network.architecture.is_2d());
    setting.drawn(|device| head.init(device))
}
