//! Settings of global and local contrast.

use serde::{Deserialize, Serialize};

use super::regions::cells;
use super::{GlobalContrast, LocalContrast};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, ablations, expect, expect_both_kinds, expect_positive, expect_some,
};
use crate::mirror::ViewAlignment;
use crate::optimizer::OptimizerConfig;
use crate::recipes::supervised::{Supervised, SupervisedConfig};
use crate::schedule::split_steps;

/// Settings of global and local contrast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalLocalConfig {
    /// Numbers of iterations of the global contrast, the local contrast and the fine-tuning.
    pub iterations: [u64; 3],
    /// Labeled and unlabeled patches per batch of the pre-training, which uses no labels.
    pub pretraining_batch: [usize; 2],
    /// Labeled patches per batch of the fine-tuning.
    pub batch: usize,
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `τ`, the temperature of both contrasts.
    pub temperature: f64,
    /// Alignment of the second view of the global contrast with the first.
    pub global_geometry: ViewAlignment,
    /// Width of the hidden layer of `g₁`.
    pub hidden: usize,
    /// Length of an image's embedding.
    pub embedding: usize,
    /// Number of decoder blocks that the local contrast trains, 1 to 4; the sides of their map are those of the patch
    /// times 2^(blocks − 4).
    pub decoder_blocks: usize,
    /// Number of regions per image in the local contrast.
    pub regions: usize,
    /// Whether the local contrast trains the encoder.
    pub encoder: EncoderInLocal,
}

/// Treatment of the encoder in the local contrast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderInLocal {
    /// Its weights stay fixed.
    Fixed,
    /// It is trained together with the decoder.
    Trained,
}

impl GlobalLocalConfig {
    /// Returns the paper's settings, where they apply, for a run of `iterations` in total, split 1 : 1 : 4.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations: split_steps(iterations, [1, 1, 4]),
            pretraining_batch: [2, 2],
            batch: 2,
            optimizer: OptimizerConfig::default(),
            temperature: 0.1,
            global_geometry: ViewAlignment::Mirrored,
            hidden: 1_024,
            embedding: 128,
            decoder_blocks: 2,
            regions: 13,
            encoder: EncoderInLocal::Fixed,
        }
    }

    /// Returns an ablation by its name: `global_only`, `local_only` or `from_scratch`.
    ///
    /// The iterations of a stage that is left out go to the fine-tuning.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] if there is no such ablation.
    pub fn ablation(self, name: &str) -> Result<Self, MethodError> {
        let [global, local, fine] = self.iterations;
        let iterations = match name {
            "global_only" => [global, 0, local + fine],
            "local_only" => [0, local, global + fine],
            "from_scratch" => [0, 0, global + local + fine],
            _ => {
                let expected = "global_only, local_only or \
                     from_scratch";
                return Err(MethodError::unknown(
                    "ablation of global_local",
                    name,
                    expected,
                ));
            }
        };
        Ok(Self { iterations, ..self })
    }

    /// Returns the number of regions without overlap in the map of the local contrast.
    fn cells(&self, patch: [usize; 3]) -> usize {
        cells(patch.map(|side| (side >> (4 - self.decoder_blocks)).max(1)))
    }
}

impl MethodSettings for GlobalLocalConfig {
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
        [self.batch, 0]
    }

    fn optimizer(&self) -> &OptimizerConfig {
        &self.optimizer
    }

    fn set_optimizer(&mut self, optimizer: OptimizerConfig) {
        self.optimizer = optimizer;
    }

    /// Both stages of pre-training see unlabeled patches, fine-tuning none.
    fn needs_unlabeled(&self) -> bool {
        self.iterations[..2] != [0, 0]
    }

    fn set_batch(&mut self, batch: [usize; 2]) {
        self.pretraining_batch = batch;
        self.batch = batch[0];
    }

    fn maps_kept(&self) -> f64 {
        let pretraining = match self.iterations {
            [0, 0, _] => 0,
            _ => self.pretraining_batch.iter().sum(),
        };
        pretraining.max(self.batch) as f64 / self.batch.max(1) as f64
    }

    fn check(&self, patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_both_kinds("pretraining_batch", self.pretraining_batch)?;
        expect_positive("temperature", self.temperature)?;
        for (key, size) in [
            ("batch", self.batch),
            ("hidden", self.hidden),
            ("embedding", self.embedding),
        ] {
            expect_some(key, size)?;
        }
        let blocks = self.decoder_blocks;
        expect(
            (1..=4).contains(&blocks),
            "decoder_blocks",
            "1 to 4",
            blocks,
        )?;
        expect(self.regions > 1, "regions", "at least 2", self.regions)?;
        let wanted = format!("a map with room for 2 regions of the patch {patch:?}");
        expect(self.cells(patch) > 1, "decoder_blocks", &wanted, blocks)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
        let mirrored = context.mirrored;
        Ok(Method::new(context)
            .with_stage(GlobalContrast::new(self.clone(), mirrored))
            .with_stage(LocalContrast::new(self.clone()))
            .with_stage(self.fine_tuning()))
    }
}

impl GlobalLocalConfig {
    /// Returns stage iii: supervised training.
    pub(super) fn fine_tuning(&self) -> Supervised {
        let [.., iterations] = self.iterations;
        let config = SupervisedConfig {
            batch: self.batch,
            optimizer: self.optimizer.clone(),
            ..SupervisedConfig::new(iterations)
        };
        Supervised::new("iii fine-tuning", config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ablations_keep_the_total_and_an_unknown_one_lists_them() {
        let of = |name: &str| GlobalLocalConfig::new(600).ablation(name).unwrap();
        assert_eq!(GlobalLocalConfig::new(600).iterations, [100, 100, 400]);
        assert_eq!(of("global_only").iterations, [100, 0, 500]);
        assert_eq!(of("local_only").iterations, [0, 100, 500]);
        assert_eq!(of("from_scratch").iterations, [0, 0, 600]);
        let message = GlobalLocalConfig::new(6).ablation("none").unwrap_err();
        assert!(message.to_string().contains("local_only"));
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let check = |change: fn(&mut GlobalLocalConfig), patch| {
            let mut config = GlobalLocalConfig::new(10);
            change(&mut config);
            config.check(patch).unwrap_err().to_string()
        };
        let text = check(|c| c.decoder_blocks = 5, [64; 3]);
        assert!(text.contains("method.decoder_blocks") && text.contains("found 5"));
        assert!(check(|c| c.regions = 1, [64; 3]).contains("method.regions"));
        let text = check(|_| (), [16, 16, 1]);
        assert!(text.contains("room for 2 regions") && text.contains("[16, 16, 1]"));
        GlobalLocalConfig::new(10).check([32, 32, 1]).unwrap();
    }

    #[test]
    fn settings_survive_storage() {
        let config = GlobalLocalConfig::new(10);
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("global_geometry = \"mirrored\""));
        assert_eq!(toml::from_str::<GlobalLocalConfig>(&text).unwrap(), config);
    }
}
