//! Implementation of `MethodSettings` for the settings of IDEAL.

use super::{DenseContrast, IdealConfig, TwoDecoders};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_share,
    expect_some, expect_weight,
};
use crate::mirror::ViewAlignment;
use crate::optimizer::OptimizerConfig;
use crate::schedule::split_steps;

impl MethodSettings for IdealConfig {
    ablations!();

    fn iterations(&self) -> u64 {
        self.iterations.iter().sum()
    }

    /// Splits the new total over the stages in the same proportion as before.
    fn set_iterations(&mut self, iterations: u64) {
        self.iterations = split_steps(iterations, self.iterations);
    }

    fn stages(&mut self) -> &mut [u64] {
        &mut self.iterations
    }

    fn batch(&self) -> [usize; 2] {
        self.fine_tuning_batch
    }

    fn optimizer(&self) -> &OptimizerConfig {
        &self.optimizer
    }

    fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
        self.optimizer = optimizer;
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.pretraining_batch = batch;
        self.fine_tuning_batch = batch;
    }

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.key_momentum]
    }

    fn maps_kept(&self) -> f64 {
        2.3
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("cross_weight", self.cross_weight)?;
        expect_both_kinds("pretraining_batch", self.pretraining_batch)?;
        expect_both_kinds("fine_tuning_batch", self.fine_tuning_batch)?;
        expect_share("key_momentum", self.key_momentum)?;
        expect_share("threshold", self.threshold)?;
        expect_positive("temperature", self.temperature)?;
        for (key, size) in [("embedding", self.embedding), ("queue", self.queue)] {
            expect_some(key, size)?;
        }
        Ok(())
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        let mirrored = context.mirrored;
        let can = self.key_geometry == ViewAlignment::Aligned || mirrored != [false; 3];
        let wanted = "aligned, as the task allows no axis to be mirrored";
        expect(can, "key_geometry", wanted, "mirrored")?;
        Ok(Method::new(context)
            .with_stage(DenseContrast::new(self.clone(), mirrored))
            .with_stage(TwoDecoders::new(self.clone())))
    }
}
