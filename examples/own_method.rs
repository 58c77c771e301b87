//! Trains with a custom method: FixMatch (Sohn et al., NeurIPS 2020, arXiv 2001.07685), applied to voxels.
//!
//! ```sh
//! cargo run --release --example own_method -- runs/own_method # generated phantoms, a minute
//! ```

use std::error::Error;
use std::sync::atomic::AtomicBool;

use burn::tensor::activation::{log_softmax, softmax};
use semivox::losses::DiceCrossEntropyLossConfig;
use semivox::methods::{
    Batch, BatchPlan, Handover, LossTerms, Method, MethodContext, MethodError, Optimizer,
    OptimizerConfig, Stage, StagePlan, StepContext, StrongViews,
};
use semivox::models::Network;
use semivox::prelude::*;
use semivox::trainer::config::OwnMethod;

/// Training steps of the only stage.
const STEPS: u64 = 100;

/// The only stage of the method.
struct FixMatch {
    /// `τ`: the confidence of the weak view above which its prediction is a pseudo-label of the strong view.
    threshold: f32,
    /// `λ_u`: the weight of the unlabeled loss.
    weight: f64,
}

impl Stage for FixMatch {
    type State = Network;

    fn plan(&self) -> StagePlan {
        let batch = BatchPlan::new([2, 2], StrongViews::Unlabeled);
        let name = "fixmatch";
        StagePlan {
            name,
            steps: STEPS,
            batch,
        }
    }

    fn optimizer(&self) -> Optimizer {
        OptimizerConfig::default().init()
    }

    fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Network, MethodError> {
        Ok(networks.student)
    }

    /// Computes equations 3 and 4: the loss of labeled patches, and that of confident pseudo-labels.
    fn terms(
        &self,
        network: &mut Network,
        batch: Batch,
        _: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let logits = network.forward(batch.labeled.weak).logits;
        let supervised = DiceCrossEntropyLossConfig::new().init();
        let supervised = supervised.forward(logits, batch.labeled.labels);

        let unlabeled = batch.unlabeled.expect("the plan has unlabeled patches");
        let weak = softmax(network.forward(unlabeled.weak).logits, 1).detach();
        let (confidence, label) = weak.max_dim_with_indices(1);
        let certain = confidence.greater_equal_elem(self.threshold).float();
        let strong = log_softmax(network.forward(unlabeled.strong).logits, 1);
        let pseudo = -(strong.gather(1, label) * certain).mean();

        Ok(LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("pseudo", self.weight, pseudo))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Data, patches, network and evaluation settings come from a preset, whose method is not used.
    let mut config = preset("smoke", "supervised")?;
    config.own_method = Some(OwnMethod {
        name: "fixmatch".into(),
        iterations: STEPS,
    });
    let out = std::env::args().nth(1).unwrap_or("runs/own_method".into());
    let session = Session::start(config, &out, &())?;
    let (threshold, weight) = (0.95, 1.0);
    let stage = FixMatch { threshold, weight };
    let mut method = Method::new(session.context()?).with_stage(stage);
    let summary = session.run_method(&mut method, &mut (), &AtomicBool::new(false))?;
    println!("mean Dice {:?}; see {out}/report.html", summary.dice());
    Ok(())
}
