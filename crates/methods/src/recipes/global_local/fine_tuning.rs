//! Stage iii of global and local contrast: supervised fine-tuning.

use semivox_losses::DiceCrossEntropyLoss;
use semivox_models::Network;

use super::GlobalLocalConfig;
use crate::batch::Batch;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::recipes::supervised::supervised_loss;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// Stage iii: supervised fine-tuning on labeled patches.
pub struct FineTuning {
    supervised: DiceCrossEntropyLoss,
    config: GlobalLocalConfig,
}

impl FineTuning {
    /// Creates stage iii of the method.
    pub fn new(config: GlobalLocalConfig) -> Self {
        Self {
            supervised: supervised_loss(),
            config,
        }
    }
}

impl Stage for FineTuning {
    type State = Network;

    fn plan(&self) -> StagePlan {
        let [.., steps] = self.config.iterations;
        StagePlan::weak("iii fine-tuning", steps, [self.config.batch, 0])
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Network, MethodError> {
        Ok(networks.student)
    }

    fn terms(
        &self,
        network: &mut Network,
        batch: Batch,
        _at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let logits = network.forward(batch.labeled.weak).logits;
        let loss = self.supervised.forward(logits, batch.labeled.labels);
        Ok(LossTerms::new().with("supervised", 1.0, loss))
    }
}
