//! Axes of charts: positions of values, and tick marks.

/// The mapping from values to positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scaling {
    Linear,
    Logarithmic,
}

/// An axis that maps a range of values to a range of positions.
pub(super) struct Axis {
    range: [f64; 2],
    ends: [f64; 2],
    scaling: Scaling,
}

impl Axis {
    /// Creates an axis over exactly this range, which must be above 0 for a logarithmic one.
    pub(super) fn new(range: [f64; 2], ends: [f64; 2], scaling: Scaling) -> Self {
        Self {
            range,
            ends,
            scaling,
        }
    }

    /// Creates an axis from `low` to `high` with a margin; over 0 to 1 if there are no values, with `low` above `high`.
    pub(super) fn around([low, high]: [f64; 2], ends: [f64; 2], scaling: Scaling) -> Self {
        let range = match scaling {
            _ if low > high => [0.0, 1.0],
            Scaling::Linear => linear_range(low, high),
            Scaling::Logarithmic => {
                let margin = (0.05 * (high.ln() - low.ln())).max(0.1).exp();
                [low / margin, high * margin]
            }
        };
        Self::new(range, ends, scaling)
    }

    /// Returns the position of a value.
    pub(super) fn place(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        let share = match self.scaling {
            Scaling::Linear => (value - low) / (high - low),
            Scaling::Logarithmic => (value.ln() - low.ln()) / (high.ln() - low.ln()),
        };
        self.ends[0] + share * (self.ends[1] - self.ends[0])
    }

    /// Returns the tick marks, about `wanted` of them: values with their labels.
    pub(super) fn ticks(&self, wanted: f64) -> Vec<(f64, String)> {
        match self.scaling {
            Scaling::Linear => {
                let (values, step) = round_values(self.range, wanted);
                let label = |value| (value, linear_label(value, step));
                values.into_iter().map(label).collect()
            }
            Scaling::Logarithmic => powers(self.range, wanted),
        }
    }
}

/// Returns the range of the values with a margin, from 0 if the values come near to it.
fn linear_range(low: f64, high: f64) -> [f64; 2] {
    let low = match low >= 0.0 && low < 0.5 * high {
        true => 0.0,
        false => low,
    };
    let margin = match (high > low, high == 0.0) {
        (true, _) => 0.05 * (high - low),
        (false, false) => 0.1 * high.abs(),
        (false, true) => 1.0, // a term that is switched off
    };
    let bottom = if low == 0.0 { 0.0 } else { low - margin };
    [bottom, high + margin]
}

/// Returns round values inside the range, about `wanted` of them, and their distance.
fn round_values(range: [f64; 2], wanted: f64) -> (Vec<f64>, f64) {
    let rough = (range[1] - range[0]) / wanted;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(rough);
    let first = (range[0] / step).ceil() as i64;
    let last = (range[1] / step + 1e-9).floor() as i64;
    ((first..=last).map(|i| i as f64 * step).collect(), step)
}

/// Returns about `wanted` powers of ten inside the range; if the range has few,
/// some of their multiples too.
fn powers(range: [f64; 2], wanted: f64) -> Vec<(f64, String)> {
    let [first, last] = range.map(f64::log10);
    let every = ((last - first) / wanted).ceil().max(1.0) as i32;
    let factors: &[f64] = match last - first {
        0.0..0.9 => &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0],
        0.9..2.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let mut ticks = Vec::new();
    for exponent in first.floor() as i32..=last.ceil() as i32 {
        for factor in factors.iter().filter(|_| exponent.rem_euclid(every) == 0) {
            let value = factor * 10_f64.powi(exponent);
            if (range[0]..=range[1]).contains(&value) {
                ticks.push((value, power_label(*factor, exponent)));
            }
        }
    }
    ticks
}

fn power_label(factor: f64, exponent: i32) -> String {
    match exponent {
        0..4 => format!("{}", factor * 10_f64.powi(exponent)),
        -3..0 => format!(
            "{:.*}",
            exponent.unsigned_abs() as usize,
            factor * 10_f64.powi(exponent)
        ),
        _ => format!("{factor}e{exponent}"),
    }
}

fn linear_label(value: f64, step: f64) -> String {
    if value == 0.0 {
        "0".to_string()
    } else if step < 1e-4 || value.abs() >= 1e6 {
        format!("{value:.1e}")
    } else if step >= 1000.0 {
        format!("{}k", value / 1000.0)
    } else {
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: [f64; 2], scaling: Scaling) -> Vec<String> {
        let ticks = Axis::new(range, [0.0, 1.0], scaling).ticks(4.0);
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_inside() {
        assert_eq!(
            round_values([0.0, 2000.0], 5.0).0,
            [0.0, 500.0, 1000.0, 1500.0, 2000.0]
        );
        assert_eq!(
            labels([0.13, 0.87], Scaling::Linear),
            ["0.2", "0.4", "0.6", "0.8"]
        );
        assert_eq!(linear_label(20_000.0, 10_000.0), "20k");
    }

    #[test]
    fn logarithmic_ticks_are_powers() {
        let logarithmic = |range| labels(range, Scaling::Logarithmic);
        assert_eq!(logarithmic([0.03, 0.6]), ["0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(logarithmic([2.2, 6.5]), ["3", "4", "6"]);
        assert_eq!(logarithmic([2e-5, 3.0]), ["1e-4", "0.01", "1"]);
        let axis = Axis::new([1.0, 100.0], [10.0, 0.0], Scaling::Logarithmic);
        assert!((axis.place(10.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn equal_values_have_room_around_them() {
        for (value, scaling) in [
            (0.0, Scaling::Linear),
            (-2.0, Scaling::Linear),
            (3.0, Scaling::Logarithmic),
        ] {
            let place = Axis::around([value; 2], [0.0, 1.0], scaling).place(value);
            assert!((0.0..1.0).contains(&place), "{value}: {place}");
        }
    }
}
