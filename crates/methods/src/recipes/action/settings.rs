//! Implementation of `MethodSettings` for the settings of ACTION, with their checks.

use super::{ActionConfig, AnatomicalContrast, Distillation};
use semivox_models::Resolution;
use semivox_sampling::{MAX_ELEMENTS, MAX_VOXELS};

use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_share,
    expect_some, expect_weight,
};
use crate::optimizer::OptimizerConfig;
use crate::schedule::split_steps;

impl MethodSettings for ActionConfig {
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
        match self.iterations {
            [.., 0] => self.distillation_batch,
            _ => self.contrast_batch,
        }
    }

    fn optimizer(&self) -> &OptimizerConfig {
        &self.optimizer
    }

    fn nesterov(&self) -> bool {
        self.nesterov
    }

    fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
        self.optimizer = optimizer;
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.distillation_batch = batch;
        self.contrast_batch = batch;
    }

    fn control(&self) -> &'static str {
        self.mixing.control()
    }

    fn momenta(&mut self) -> Vec<&mut f64> {
        vec![&mut self.teacher_momentum]
    }

    /// Sampled voxels, and the maps of the representation head: its input, which takes as much as all maps of the network
    /// where it has their resolution, and two of its width. Measured at half resolution and a width of 16.
    fn maps_kept(&self) -> f64 {
        let share = match self.representation_resolution {
            Resolution::Full => 1.0,
            Resolution::Half => 0.125,
        };
        1.65 + share * (1.0 + self.representation_width as f64 / 124.0)
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        self.check_sizes()?;
        self.check_local_patches(patch)?;
        for (key, weight) in [
            ("distillation_weights", self.distillation_weights[0]),
            ("distillation_weights", self.distillation_weights[1]),
            ("contrast_weight", self.contrast_weight),
            ("unsupervised_weight", self.unsupervised_weight),
        ] {
            expect_weight(key, weight)?;
        }
        expect_positive("student_temperature", self.student_temperature)?;
        expect_positive("teacher_temperature", self.teacher_temperature)?;
        expect_positive("contrast_temperature", self.contrast_temperature)?;
        expect_share("teacher_momentum", self.teacher_momentum)?;
        expect_share("strong_threshold", self.strong_threshold)?;
        expect_share("weak_threshold", self.weak_threshold)?;
        expect_both_kinds("distillation_batch", self.distillation_batch)?;
        expect_both_kinds("contrast_batch", self.contrast_batch)?;
        self.check_samples(patch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        let patch = context.patch;
        self.check(patch)?;
        Ok(Method::new(context)
            .with_stage(Distillation::new(self, patch, false))
            .with_stage(Distillation::new(self, patch, true))
            .with_stage(AnatomicalContrast::new(self)))
    }
}

impl ActionConfig {
    fn check_sizes(&self) -> Result<(), MethodError> {
        for (key, size) in [
            ("bank", self.bank),
            ("global_width", self.global_width),
            ("queries", self.queries),
            ("negatives", self.negatives),
            ("representation_width", self.representation_width),
        ] {
            expect_some(key, size)?;
        }
        let wanted = "2 or more: of one anchor every distribution is 1, and nothing is distilled";
        expect(self.bank > 1, "bank", wanted, self.bank)
    }

    /// Checks that the voxels of a step of stage iii can be sampled, which would show only when that stage begins.
    fn check_samples(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        let sides = match self.representation_resolution {
            Resolution::Full => patch,
            Resolution::Half => patch.map(|side| (side / 2).max(1)),
        };
        let voxels = sides.iter().product::<usize>() * self.contrast_batch.iter().sum::<usize>();
        let elements = voxels * self.representation_width;
        let fits = voxels <= MAX_VOXELS && elements <= MAX_ELEMENTS;
        let wanted = format!(
            "a batch of at most {MAX_VOXELS} voxels, and {MAX_ELEMENTS} values with representation_width, or a smaller patch or \
             resolution"
        );
        let found = format!(
            "{:?} with {voxels} voxels and {elements} values",
            self.contrast_batch
        );
        expect(
            fits || self.iterations[2] == 0,
            "contrast_batch",
            &wanted,
            found,
        )
    }

    /// Checks that local patches fit into `patch`, and that their pooling cells all lie on one common grid.
    fn check_local_patches(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        let (side, step, pooled) = (self.local_patch, self.local_step, self.local_pooled);
        expect_some("local_patch", side)?;
        expect_some("local_step", step)?;
        expect_some("local_pooled", pooled)?;
        let fits = patch.iter().all(|&whole| whole == 1 || whole >= side);
        let wanted = format!("at most the shortest side of the patch {patch:?}");
        expect(fits, "local_patch", &wanted, side)?;
        let wanted = format!("a divisor of local_patch ({side})");
        expect(side.is_multiple_of(pooled), "local_pooled", &wanted, pooled)?;
        let cell = side / pooled;
        let wanted = format!("a multiple of local_patch / local_pooled ({cell})");
        expect(step.is_multiple_of(cell), "local_step", &wanted, step)
    }
}
