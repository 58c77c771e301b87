//! Networks, heads and memory banks of ACTION's stages.

use burn::module::Module;
use semivox_models::{
    GlobalPredictor, GlobalPredictorConfig, GlobalProjector, GlobalProjectorConfig, LocalPredictor,
    LocalPredictorConfig, LocalProjector, LocalProjectorConfig, Network, RepresentationHead,
    RepresentationHeadConfig,
};
use semivox_sampling::FeatureQueue;

use super::ActionConfig;
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::ema::teacher_of;
use crate::error::MethodError;
use crate::local_patches::LocalPatches;
use crate::stage::{Handover, State};
use crate::with_heads::WithHeads;

/// The global and the local projector, of queries (trained) or of keys (moving averages).
#[derive(Module, Debug)]
pub struct Projectors {
    pub(super) global: GlobalProjector,
    pub(super) local: LocalProjector,
}

/// The student's heads in stages i and ii.
#[derive(Module, Debug)]
pub struct DistillationHeads {
    pub(super) projectors: Projectors,
    pub(super) global_predictor: GlobalPredictor,
    pub(super) local_predictor: LocalPredictor,
}

impl DistillationHeads {
    fn new(config: &ActionConfig, patches: &LocalPatches, context: &MethodContext) -> Self {
        let classes = context.network.classes;
        let channels = context.network.feature_channels()[0];
        let global = GlobalProjectorConfig::new(channels).with_embedding(config.global_width);
        let local = LocalProjectorConfig::new(classes).with_grid(patches.pooled);
        let global_predictor = GlobalPredictorConfig::new(config.global_width);
        let local_predictor = LocalPredictorConfig::new(classes);
        Self {
            projectors: context.drawn(|device| Projectors {
                global: global.init(device),
                local: local.init(device),
            }),
            global_predictor: context.drawn(|device| global_predictor.init(device)),
            local_predictor: context.drawn(|device| local_predictor.init(device)),
        }
    }
}

/// The state of stages i and ii.
#[derive(Debug, Clone)]
pub struct Distilled {
    pub(super) student: WithHeads<DistillationHeads>,
    pub(super) teacher: Network,
    pub(super) keys: Projectors,
    pub(super) global_bank: FeatureQueue,
    /// The memory bank of the local distillation, in stage ii only.
    pub(super) local_bank: Option<FeatureQueue>,
}

impl Distilled {
    /// Creates new heads, key projectors that start as copies of the query projectors, and banks of random vectors.
    pub(super) fn new(
        networks: Handover,
        config: &ActionConfig,
        context: &MethodContext,
        local: bool,
    ) -> Result<Self, MethodError> {
        let patches = LocalPatches::new(config, context.patch);
        let heads = DistillationHeads::new(config, &patches, context);
        let stage = if local { "stage ii" } else { "stage i" };
        let bank = |shape: &[usize], kind: &str| {
            let name = format!("{stage} {kind} bank");
            FeatureQueue::new(config.bank, shape, context.seed, &name, &context.device)
        };
        let entry = LocalProjectorConfig::new(context.network.classes)
            .with_grid(patches.pooled)
            .embedding();
        let Handover { student, teacher } = networks;
        Ok(Self {
            teacher: teacher.unwrap_or_else(|| teacher_of(&student)),
            keys: teacher_of(&heads.projectors),
            student: WithHeads {
                network: student,
                heads,
            },
            global_bank: bank(&[config.global_width], "global")?,
            local_bank: local
                .then(|| bank(&[patches.count(), entry], "local"))
                .transpose()?,
        })
    }
}

impl State for Distilled {
    type Trained = WithHeads<DistillationHeads>;

    fn trained(&mut self) -> &mut Self::Trained {
        &mut self.student
    }

    fn student(&self) -> &Network {
        &self.student.network
    }

    fn teacher(&self) -> Option<&Network> {
        Some(&self.teacher)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        self.student.visit_state(visitor)?;
        visitor.module("teacher", &mut self.teacher)?;
        visitor.module("keys", &mut self.keys)?;
        visitor.queue("global_bank", &mut self.global_bank)?;
        match &mut self.local_bank {
            Some(bank) => visitor.queue("local_bank", bank),
            None => Ok(()),
        }
    }
}

/// The state of stage iii.
#[derive(Debug, Clone)]
pub struct Contrasted {
    pub(crate) student: WithHeads<RepresentationHead>,
    pub(crate) teacher: Network,
}

impl Contrasted {
    /// Creates a new representation head, and a teacher that starts again as a copy of the student.
    pub(super) fn new(networks: Handover, config: &ActionConfig, context: &MethodContext) -> Self {
        let channels = context.network.feature_channels().iter().sum();
        let head = RepresentationHeadConfig::new(channels)
            .with_width(config.representation_width)
            .with_resolution(config.representation_resolution)
            .with_slices(context.network.architecture.is_2d());
        Self {
            teacher: teacher_of(&networks.student),
            student: WithHeads {
                network: networks.student,
                heads: context.drawn(|device| head.init(device)),
            },
        }
    }
}

impl State for Contrasted {
    type Trained = WithHeads<RepresentationHead>;

    fn trained(&mut self) -> &mut Self::Trained {
        &mut self.student
    }

    fn student(&self) -> &Network {
        &self.student.network
    }

    fn teacher(&self) -> Option<&Network> {
        Some(&self.teacher)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        visitor.module("student", &mut self.student.network)?;
        visitor.module("representation", &mut self.student.heads)?;
        visitor.module("teacher", &mut self.teacher)
    }
}
