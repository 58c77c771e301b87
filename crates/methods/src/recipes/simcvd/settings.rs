//! Implementation of `MethodSettings` for the settings of SimCVD.

use semivox_models::Architecture;

use super::config::PairwiseMap;
use super::{SimCvd, SimCvdConfig};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_share,
    expect_some, expect_weight, one_stage_settings,
};
use crate::optimizer::OptimizerConfig;

impl MethodSettings for SimCvdConfig {
    one_stage_settings!();
    ablations!();

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_both_kinds("batch", self.batch)?;
        expect_share("teacher_momentum", self.teacher_momentum)?;
        expect_positive("temperature", self.temperature)?;
        for (key, weight) in [
            ("distance_weight", self.distance_weight),
            ("contrast_weight", self.contrast_weight),
            ("pairwise_weight", self.pairwise_weight),
            ("consistency_weight", self.consistency_weight),
            ("noise", self.noise),
        ] {
            expect_weight(key, weight)?;
        }
        let kept = (0.0..1.0).contains(&self.head_dropout);
        expect(kept, "head_dropout", "0 to below 1", self.head_dropout)?;
        let sizes = [
            ("pooled", self.pooled),
            ("hidden", self.hidden),
            ("embedding", self.embedding),
            ("slices", self.slices.unwrap_or(1)),
        ];
        for (key, size) in sizes {
            expect_some(key, size)?;
        }
        // Of a single slice the contrast is ln 1: 0 without a gradient.
        let slices = self.batch[1] * patch[2];
        let taken = self.slices.map_or(slices, |taken| taken.min(slices));
        let contrasted = self.contrast_weight == 0.0 || taken > 1;
        let key = if slices > 1 { "slices" } else { "batch" };
        let wanted =
            "two or more slices of unlabeled patches for the contrast, or contrast_weight 0";
        expect(contrasted, key, wanted, taken)
    }

    fn method(&self, mut context: MethodContext) -> Result<Method, MethodError> {
        let dropped = context.network.architecture == Architecture::VNet;
        let same = self.pairwise_map == PairwiseMap::AfterDropout || dropped;
        let wanted = "after_dropout for the U-Net, which has no dropout after its encoder";
        expect(same, "pairwise_map", wanted, "before_dropout")?;
        let classes = context.network.classes;
        context.network.signed_distance = self.needs_distance_head().then_some(classes - 1);
        Ok(Method::new(context).with_stage(SimCvd::new(self.clone(), classes)))
    }
}
