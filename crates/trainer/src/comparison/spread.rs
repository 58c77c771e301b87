//! Mean and standard deviation over seeds.

use serde::Serialize;

/// Mean and standard deviation of one metric over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean over the runs in which the metric is defined.
    pub mean: f64,
    /// Sample standard deviation (n − 1); none for a single run.
    pub std: Option<f64>,
    /// Number of runs in which the metric is defined.
    pub runs: usize,
}

impl Spread {
    /// Computes mean and standard deviation of the values that are defined; none if there are none.
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::comparison::Spread;
    ///
    /// let spread = Spread::of([Some(0.7), None, Some(0.9)]).unwrap();
    /// assert!((spread.mean - 0.8).abs() < 1e-12);
    /// assert!((spread.std.unwrap() - 0.02_f64.sqrt()).abs() < 1e-12);
    /// assert_eq!(Spread::of([None]), None);
    /// ```
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        let runs = values.len();
        let mean = values.iter().sum::<f64>() / runs as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (runs > 0).then(|| Self {
            mean,
            std: (runs > 1).then(|| (squares / (runs - 1) as f64).sqrt()),
            runs,
        })
    }

    /// Formats a metric: `0.853 ± 0.003`, without the deviation for a single run, and the number of seeds in which it is
    /// defined if that is less than `seeds`; `undefined` without one.
    pub(super) fn text(spread: Option<Self>, digits: usize, seeds: usize) -> String {
        match spread {
            None => "undefined".into(),
            Some(spread) => {
                let (mean, deviation) = (spread.mean, spread.deviation(digits));
                format!("{mean:.digits$}{deviation}{}", spread.of_all(seeds))
            }
        }
    }

    /// Says in how many of `seeds` the value is defined, if not in all.
    fn of_all(&self, seeds: usize) -> String {
        match self.runs < seeds {
            true => format!(" ({} of {seeds} seeds)", self.runs),
            false => String::new(),
        }
    }

    /// Formats a gain in Dice in points of a hundred, with its sign: `+2.4 ± 0.1`, and the number of seeds if it is less
    /// than `seeds`; a dash without a gain.
    pub(super) fn points(gain: Option<Self>, seeds: usize) -> String {
        let Some(Self { mean, std, runs }) = gain else {
            return "–".into();
        };
        let points = Self {
            // The sum turns the −0 of a tiny loss into 0.
            mean: (1e3 * mean).round() / 10.0 + 0.0,
            std: std.map(|std| 100.0 * std),
            runs,
        };
        let (mean, deviation) = (points.mean, points.deviation(1));
        format!("{mean:+.1}{deviation}{}", points.of_all(seeds))
    }

    fn deviation(&self, digits: usize) -> String {
        match self.std {
            None => String::new(),
            Some(std) => format!(" ± {std:.digits$}"),
        }
    }
}
