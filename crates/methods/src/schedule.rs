//! Schedules of learning rates and temperatures, and ramp-ups, as pure functions of the step.
//!
//! Nothing here holds state, so a resumed run computes the same values as an
//! uninterrupted one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::MethodError;
use crate::expect::{expect, expect_weight};

/// Schedule of the learning rate over a stage of `T` steps.
///
/// | variant | rate at step `t` (counted from 0) |
/// |---|---|
/// | `constant` | `lr₀` |
/// | `poly` | `lr₀ · (1 − t/T)^power` |
/// | `step` | `lr₀ · factor^k`, `k` = number of milestones (fractions of `T`) passed |
///
/// # Examples
/// ```
/// use semivox_methods::schedule::LearningRate;
/// let poly = LearningRate::Poly { power: 0.9 };
/// assert_eq!(poly.at(0.01, 0, 100), 0.01);
/// assert_eq!(poly.at(0.01, 100, 100), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LearningRate {
    /// The base rate throughout.
    Constant,
    /// Polynomial decay to zero; the field uses power 0.9.
    Poly {
        /// The exponent.
        power: f64,
    },
    /// Multiplied by `factor` at each milestone.
    Step {
        /// Fractions of the stage at which the rate changes.
        milestones: Vec<f64>,
        /// The multiplier.
        factor: f64,
    },
}

impl LearningRate {
    /// Returns the learning rate at `step` of a stage of `steps` steps, for the base rate `base`.
    ///
    /// At and beyond the end it is the rate of the end.
    pub fn at(&self, base: f64, step: u64, steps: u64) -> f64 {
        let progress = progress(step, steps);
        match self {
            Self::Constant => base,
            Self::Poly { power } => base * (1.0 - progress).powf(*power),
            Self::Step { milestones, factor } => {
                let passed = milestones.iter().filter(|&&m| progress >= m).count();
                base * factor.powi(passed as i32)
            }
        }
    }
}

impl LearningRate {
    /// Checks that the rate never rises and that every milestone, a share of the run rather than an iteration, is reached.
    ///
    /// # Errors
    /// [`MethodError::Setting`] with the key below `key` and the value found.
    pub(crate) fn check(&self, key: &str) -> Result<(), MethodError> {
        match self {
            Self::Constant => Ok(()),
            Self::Poly { power } => expect_weight(&format!("{key}.power"), *power),
            Self::Step { milestones, factor } => {
                let inside = milestones.iter().all(|share| (0.0..1.0).contains(share));
                let ascending = milestones.is_sorted_by(|a, b| a < b);
                let wanted = "ascending shares of the run, 0 to below 1 (5/12 for 2,500 of 6,000 iterations: 0.4167)";
                let found = format!("{milestones:?}");
                expect(
                    inside && ascending,
                    &format!("{key}.milestones"),
                    wanted,
                    found,
                )?;
                let falls = *factor > 0.0 && *factor <= 1.0;
                expect(
                    falls,
                    &format!("{key}.factor"),
                    "above 0 and up to 1",
                    factor,
                )
            }
        }
    }
}

impl fmt::Display for LearningRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => write!(f, "constant rate"),
            Self::Poly { power } => write!(f, "polynomial decay with power {power}"),
            Self::Step { milestones, factor } => {
                write!(f, "rate times {factor} after")?;
                for (index, share) in milestones.iter().enumerate() {
                    let before = if index == 0 { "" } else { " and" };
                    write!(f, "{before} {:.0} %", 100.0 * share)?;
                }
                Ok(())
            }
        }
    }
}

/// Cosine schedule of a temperature, which falls to its lower bound and rises again:
/// `τ⁻ + ½ (1 + cos(2π t/(P·T))) (τ⁺ − τ⁻)`.
///
/// A high temperature separates groups, a low one single instances.
///
/// # References
/// - C. You et al., ACTION++, MICCAI 2023, arXiv 2304.02689: anatomical-aware temperature scheduler.
/// - A. Kukleva et al., "Temperature Schedules for Self-Supervised Contrastive Methods on Long-Tail
///   Data", ICLR 2023.
///
/// # Examples
/// ```
/// use semivox_methods::schedule::CosineTemperature;
/// let schedule = CosineTemperature::default();
/// assert_eq!(schedule.at(0, 100), 1.0);
/// assert!((schedule.at(50, 100) - 0.1).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineTemperature {
    /// `τ⁻`, the lower bound.
    pub low: f64,
    /// `τ⁺`, the upper bound and first value.
    pub high: f64,
    /// `P`, the length of a period as a multiple of the training's.
    pub period: f64,
}

impl Default for CosineTemperature {
    /// From 1.0 to 0.1 and back, in one period.
    fn default() -> Self {
        Self {
            low: 0.1,
            high: 1.0,
            period: 1.0,
        }
    }
}

impl CosineTemperature {
    /// Returns the temperature at `step` of `steps`.
    pub fn at(&self, step: u64, steps: u64) -> f64 {
        let turns = progress(step, steps) / self.period;
        let share = 0.5 * (1.0 + (std::f64::consts::TAU * turns).cos());
        self.low + share * (self.high - self.low)
    }
}

/// Returns the factor of the sigmoid-shaped ramp-up of consistency weights, `exp(−5 (1 − t/T)²)`.
///
/// It rises from `e⁻⁵ ≈ 0.0067` at step 0 to 1 at `steps` and stays there.
///
/// # References
/// S. Laine, T. Aila, "Temporal Ensembling for Semi-Supervised Learning",
/// ICLR 2017, section 3.
///
/// # Examples
/// ```
/// use semivox_methods::schedule::sigmoid_ramp_up;
/// assert!((sigmoid_ramp_up(0, 40) - (-5.0f64).exp()).abs() < 1e-12);
/// assert_eq!(sigmoid_ramp_up(40, 40), 1.0);
/// ```
pub fn sigmoid_ramp_up(step: u64, steps: u64) -> f64 {
    (-5.0 * (1.0 - progress(step, steps)).powi(2)).exp()
}

/// Returns the factor of a linear ramp-up, `min(t/T, 1)`.
///
/// # Examples
/// ```
/// assert_eq!(semivox_methods::schedule::linear_ramp_up(10, 40), 0.25);
/// ```
pub fn linear_ramp_up(step: u64, steps: u64) -> f64 {
    progress(step, steps)
}

/// Splits a total of steps over stages in proportion to `parts`; the last stage that has a part gets the
/// remainder.
///
/// A stage that has a part has at least one step if there are enough, since a method that loses a stage is another method.
pub(crate) fn split_steps<const N: usize>(total: u64, parts: [u64; N]) -> [u64; N] {
    let sum = parts.iter().sum::<u64>().max(1);
    let mut steps = parts.map(|part| total * part / sum);
    let last = parts.iter().rposition(|&part| part > 0).unwrap_or(N - 1);
    steps[last] += total - steps.iter().sum::<u64>();
    for stage in (0..N).rev() {
        let longest = (0..N).max_by_key(|&other| steps[other]);
        if let Some(longest) = longest.filter(|&other| steps[other] > 1)
            && parts[stage] > 0
            && steps[stage] == 0
        {
            (steps[stage], steps[longest]) = (1, steps[longest] - 1);
        }
    }
    steps
}

fn progress(step: u64, steps: u64) -> f64 {
    if steps == 0 {
        return 1.0;
    }
    (step as f64 / steps as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn poly_matches_the_formula_and_reaches_zero() {
        let schedule = LearningRate::Poly { power: 0.9 };
        for t in 0..=50 {
            let expected = 0.01 * (1.0 - t as f64 / 50.0).powf(0.9);
            assert!((schedule.at(0.01, t, 50) - expected).abs() < 1e-15);
        }
        assert_eq!(schedule.at(0.01, 60, 50), 0.0);
    }

    #[test]
    fn a_stage_without_steps_gets_none() {
        assert_eq!(split_steps(1_234, [100, 1_900, 0]), [61, 1_173, 0]);
        assert_eq!(split_steps(1_001, [0, 1, 3]), [0, 250, 751]);
        assert_eq!(split_steps(7, [0, 0]), [0, 7]);
    }

    #[test]
    fn a_short_run_keeps_every_stage_that_has_a_part() {
        assert_eq!(split_steps(3, [1, 3]), [1, 2]);
        assert_eq!(split_steps(19, [100, 700, 1_200]), [1, 6, 12]);
        assert_eq!(split_steps(4, [1, 1, 6]), [1, 1, 2]);
        assert_eq!(split_steps(4, [0, 1, 1_000]), [0, 1, 3]);
        // Fewer steps than stages.
        assert_eq!(split_steps(2, [1, 1, 6]), [0, 1, 1]);
        assert_eq!(split_steps(0, [1, 1]), [0, 0]);
    }

    #[test]
    fn a_schedule_that_never_falls_or_rises_is_refused() {
        let check = |schedule: LearningRate| schedule.check("s").map_err(|e| e.to_string());
        let steps = |milestones: &[f64], factor| LearningRate::Step {
            milestones: milestones.to_vec(),
            factor,
        };
        for schedule in [
            LearningRate::Constant,
            LearningRate::Poly { power: 0.0 },
            steps(&[5.0 / 12.0, 10.0 / 12.0], 0.1),
            steps(&[], 0.5),
        ] {
            assert_eq!(check(schedule), Ok(()));
        }
        for (schedule, key) in [
            (LearningRate::Poly { power: -1.0 }, "method.s.power"),
            (LearningRate::Poly { power: f64::NAN }, "method.s.power"),
            (steps(&[2_500.0, 5_000.0], 0.1), "method.s.milestones"),
            (steps(&[0.5, 0.4], 0.1), "method.s.milestones"),
            (steps(&[0.5], -0.1), "method.s.factor"),
            (steps(&[0.5], 10.0), "method.s.factor"),
        ] {
            let message = check(schedule).unwrap_err();
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn step_divides_at_each_milestone() {
        let schedule = LearningRate::Step {
            milestones: vec![5.0 / 12.0, 10.0 / 12.0],
            factor: 0.1,
        };
        let rates: Vec<f64> = [0, 4, 5, 9, 10, 11]
            .map(|t| schedule.at(1.0, t, 12))
            .to_vec();
        for (rate, expected) in rates.iter().zip([1.0, 1.0, 0.1, 0.1, 0.01, 0.01]) {
            assert!((rate - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn the_temperature_swings_between_its_bounds() {
        let schedule = CosineTemperature {
            low: 0.07,
            high: 0.9,
            period: 0.5,
        };
        // Two periods: high, low and high again, twice; a quarter of the way is the mean.
        for (step, expected) in [
            (0, 0.9),
            (25, 0.07),
            (50, 0.9),
            (75, 0.07),
            (100, 0.9),
            (200, 0.9),
        ] {
            assert!((schedule.at(step, 100) - expected).abs() < 1e-12, "{step}");
        }
        let whole = CosineTemperature::default();
        assert!((whole.at(25, 100) - 0.55).abs() < 1e-12);
        let values: Vec<f64> = (0..=100).map(|t| whole.at(t, 100)).collect();
        assert!(values[..=50].windows(2).all(|w| w[0] > w[1]));
        assert!(values[50..].windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn ramps_rise_and_saturate() {
        for ramp in [sigmoid_ramp_up, linear_ramp_up] {
            let values: Vec<f64> = (0..=40).map(|t| ramp(t, 40)).collect();
            assert!(values.windows(2).all(|w| w[0] < w[1]));
            assert_eq!(ramp(1000, 40), 1.0);
            assert_eq!(ramp(0, 0), 1.0);
        }
    }

    #[test]
    fn unknown_kind_is_refused() {
        let error = toml::from_str::<LearningRate>("kind = \"cosine\"").unwrap_err();
        assert!(error.to_string().contains("cosine"));
    }
}
