//! Configuration of phantoms.

use serde::{Deserialize, Serialize};

/// Anatomy and modality of a phantom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PhantomKind {
    /// The left atrium in gadolinium-enhanced MR.
    #[default]
    Atrium,
    /// Both ventricles in a short-axis stack of cine MR: few, thick slices.
    ShortAxis,
    /// The pancreas in abdominal CT, in Hounsfield units.
    Abdomen,
}

impl PhantomKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Atrium, Self::ShortAxis, Self::Abdomen];

    /// Class names, starting with the background; the index is the label.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::phantom::PhantomKind;
    ///
    /// assert_eq!(PhantomKind::Abdomen.classes(), ["background", "pancreas"]);
    /// ```
    pub fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Atrium => &["background", "atrium"],
            Self::ShortAxis => &[
                "background",
                "right ventricle",
                "myocardium",
                "left ventricle",
            ],
            Self::Abdomen => &["background", "pancreas"],
        }
    }
}

/// Configuration of phantoms: kind, size, spacing and difficulty.
///
/// Omitted fields are deserialized as the default [`of`](Self::of) the kind.
///
/// # Examples
///
/// ```
/// use semivox_data::phantom::{PhantomConfig, PhantomKind};
///
/// let config: PhantomConfig = serde_json::from_str(r#"{"kind": "short_axis", "seed": 7}"#)?;
/// assert_eq!(config, PhantomConfig { seed: 7, ..PhantomConfig::of(PhantomKind::ShortAxis) });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct PhantomConfig {
    /// Kind of phantom.
    pub kind: PhantomKind,
    /// Minimum number of voxels along each axis.
    pub shape: [usize; 3],
    /// Maximum number of additional voxels along each axis, drawn per case.
    pub shape_jitter: [usize; 3],
    /// Voxel spacing in millimeters.
    pub spacing_mm: [f64; 3],
    /// Seed; a case is determined by the seed and its index.
    pub seed: u64,
    /// Range of the noise's standard deviation, drawn uniformly: in MR as a fraction of the blood's
    /// brightness, in CT in Hounsfield units.
    pub noise: [f32; 2],
    /// Maximum relative change of brightness over the volume; in CT, of the attenuation.
    pub bias: f32,
}

impl PhantomConfig {
    /// Returns the default configuration of a kind.
    pub fn of(kind: PhantomKind) -> Self {
        let atrium = Self {
            kind,
            shape: [64, 64, 32],
            shape_jitter: [8, 8, 8],
            spacing_mm: [1.25; 3],
            seed: 1337,
            noise: [0.06, 0.14],
            bias: 0.25,
        };
        match kind {
            PhantomKind::Atrium => atrium,
            PhantomKind::ShortAxis => Self {
                shape: [96, 96, 10],
                shape_jitter: [8, 8, 2],
                spacing_mm: [1.5, 1.5, 8.0],
                ..atrium
            },
            PhantomKind::Abdomen => Self {
                shape: [96, 96, 64],
                spacing_mm: [2.0; 3],
                noise: [15.0, 30.0],
                bias: 0.01,
                ..atrium
            },
        }
    }
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self::of(PhantomKind::default())
    }
}

/// A configuration as serialized.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    kind: PhantomKind,
    shape: Option<[usize; 3]>,
    shape_jitter: Option<[usize; 3]>,
    spacing_mm: Option<[f64; 3]>,
    seed: Option<u64>,
    noise: Option<[f32; 2]>,
    bias: Option<f32>,
}

impl From<Written> for PhantomConfig {
    fn from(written: Written) -> Self {
        let usual = Self::of(written.kind);
        Self {
            kind: written.kind,
            shape: written.shape.unwrap_or(usual.shape),
            shape_jitter: written.shape_jitter.unwrap_or(usual.shape_jitter),
            spacing_mm: written.spacing_mm.unwrap_or(usual.spacing_mm),
            seed: written.seed.unwrap_or(usual.seed),
            noise: written.noise.unwrap_or(usual.noise),
            bias: written.bias.unwrap_or(usual.bias),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_survive_a_document_and_mistakes_are_named() {
        for kind in PhantomKind::ALL {
            let config = PhantomConfig::of(kind);
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(
                serde_json::from_str::<PhantomConfig>(&json).unwrap(),
                config
            );
        }
        let atrium: PhantomConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(atrium, PhantomConfig::default());
        for (json, named) in [(r#"{"size": 1}"#, "size"), (r#"{"kind": "knee"}"#, "knee")] {
            let message = serde_json::from_str::<PhantomConfig>(json)
                .unwrap_err()
                .to_string();
            assert!(message.contains(named), "{message}");
        }
    }
}
