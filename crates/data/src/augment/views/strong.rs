//! Strong augmentation: changes of intensities of the student's patch.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::augment::{BlurConfig, BlurParams, CutBoxParams, CutoutConfig, GammaConfig};
use crate::augment::{GammaParams, JitterConfig, JitterParams, NoiseConfig, NoiseParams};

/// Intensity augmentation of the student's patch; each transform is optional.
///
/// # References
///
/// The default, jitter and blur, is the strong view of You et al., "Bootstrapping Semi-supervised Medical
/// Image Segmentation with Anatomical-aware Contrastive Distillation", IPMI 2023.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrongView {
    /// Brightness and contrast jitter.
    #[serde(default)]
    pub jitter: Option<JitterConfig>,
    /// Gaussian blur.
    #[serde(default)]
    pub blur: Option<BlurConfig>,
    /// Gamma correction.
    #[serde(default)]
    pub gamma: Option<GammaConfig>,
    /// Additive noise.
    #[serde(default)]
    pub noise: Option<NoiseConfig>,
    /// Cutout.
    #[serde(default)]
    pub cutout: Option<CutoutConfig>,
}

impl Default for StrongView {
    fn default() -> Self {
        Self {
            jitter: Some(JitterConfig::default()),
            blur: Some(BlurConfig::default()),
            ..Self::none()
        }
    }
}

/// Parameters drawn by [`StrongView`], in order of application.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StrongParams {
    /// Brightness and contrast jitter.
    pub jitter: Option<JitterParams>,
    /// Gaussian blur.
    pub blur: Option<BlurParams>,
    /// Gamma correction.
    pub gamma: Option<GammaParams>,
    /// Additive noise.
    pub noise: Option<NoiseParams>,
    /// Cutout box and its fill value.
    pub cutout: Option<(CutBoxParams, f32)>,
}

impl StrongView {
    /// Returns a view without any transform.
    pub fn none() -> Self {
        Self {
            jitter: None,
            blur: None,
            gamma: None,
            noise: None,
            cutout: None,
        }
    }

    /// Returns a view with every transform at its default settings.
    pub fn all() -> Self {
        Self {
            gamma: Some(GammaConfig::default()),
            noise: Some(NoiseConfig::default()),
            cutout: Some(CutoutConfig::default()),
            ..Self::default()
        }
    }

    /// Draws the parameters for a patch.
    pub fn draw(&self, rng: &mut impl Rng, patch: [usize; 3]) -> StrongParams {
        StrongParams {
            jitter: self.jitter.and_then(|jitter| jitter.draw(rng, patch[2])),
            blur: self.blur.and_then(|blur| blur.draw(rng)),
            gamma: self.gamma.and_then(|gamma| gamma.draw(rng)),
            noise: self.noise.and_then(|noise| noise.draw(rng)),
            cutout: self
                .cutout
                .and_then(|c| c.draw(rng, patch).map(|cut| (cut, c.value))),
        }
    }

    /// Draws the parameters for a patch of several channels.
    ///
    /// Intensities change independently in each channel; the cutout is at the same place in all.
    pub fn draw_channels(
        &self,
        rng: &mut impl Rng,
        patch: [usize; 3],
        channels: usize,
    ) -> Vec<StrongParams> {
        let mut drawn: Vec<StrongParams> = (0..channels).map(|_| self.draw(rng, patch)).collect();
        if let Some((first, others)) = drawn.split_first_mut() {
            for other in others {
                other.cutout = first.cutout;
            }
        }
        drawn
    }
}

impl StrongParams {
    /// Applies the transforms in place to a patch of the shape that the parameters were drawn for.
    ///
    /// # Panics
    ///
    /// If the patch has another number of slices.
    pub fn apply(&self, patch: &mut Array3<f32>) {
        if let Some(jitter) = &self.jitter {
            jitter.apply(patch);
        }
        if let Some(blur) = &self.blur {
            blur.apply(patch);
        }
        if let Some(gamma) = &self.gamma {
            gamma.apply(patch);
        }
        if let Some(noise) = &self.noise {
            noise.apply(patch);
        }
        if let Some((cut, value)) = &self.cutout {
            cut.fill(patch, *value);
        }
    }
}
