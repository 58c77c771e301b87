//! Comparison of results, tolerances, and rows of the table in `docs/backends.md`.

use burn::tensor::DType;

use super::inputs::{Named, Outcome};

/// The formats that are compared with `f64`.
pub const COMPARED: [DType; 3] = [DType::F32, DType::F16, DType::BF16];

/// Returns half a unit in the last place of 1, the largest relative change by rounding.
pub fn rounding(format: DType) -> f64 {
    let bits = match format {
        DType::F64 => 53,
        DType::F32 => 24,
        DType::F16 => 11,
        DType::BF16 => 8,
        other => panic!("no number format of the table: {other:?}"),
    };
    0.5f64.powi(bits)
}

/// Returns the norm of the difference of two tensors over the norm of the expected one, the largest of all tensors.
pub fn difference(found: &Outcome, expected: &Outcome) -> f64 {
    assert_eq!(found.len(), expected.len());
    let relative = |(found, expected): (&Named, &Named)| {
        let ((name, found), (_, expected)) = (found, expected);
        assert_eq!(found.len(), expected.len(), "{name}");
        let length = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!(length(expected) > 1e-6, "{name} says nothing: {expected:?}");
        let apart: Vec<f64> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
        length(&apart) / length(expected)
    };
    let all = found.iter().zip(expected).map(relative);
    // Unlike `f64::max`, this keeps NaN.
    all.fold(0.0, |most, x| if x <= most { most } else { x })
}

/// Returns whether the numbers need double precision, so that no step rounded them to less.
pub fn needs_double(outcome: &Outcome) -> bool {
    let mut values = outcome.iter().flat_map(|(_, values)| values);
    values.any(|&x| f64::from(x as f32) != x)
}

/// Errors of one row of the table, for the formats of [`COMPARED`].
#[derive(Default)]
pub struct Row {
    most: [f64; 3],
    allowed: [f64; 3],
}

impl Row {
    /// Compares `compute` in every format with `f64`; the assertion's message names both.
    pub fn compare(
        &mut self,
        name: &str,
        tolerance: impl Fn(DType) -> f64,
        compute: impl Fn(DType) -> Outcome,
    ) {
        self.compare_draws(name, tolerance, &[0], |format, _| compute(format));
    }

    /// Compares the median error over several draws of the inputs.
    pub fn compare_draws(
        &mut self,
        name: &str,
        tolerance: impl Fn(DType) -> f64,
        draws: &[u64],
        compute: impl Fn(DType, u64) -> Outcome,
    ) {
        let expected = |&draw: &u64| {
            let expected = compute(DType::F64, draw);
            let double = needs_double(&expected);
            assert!(double, "{name} in F64 is not double precision");
            expected
        };
        let expected: Vec<Outcome> = draws.iter().map(expected).collect();
        for (column, format) in COMPARED.into_iter().enumerate() {
            let errors = draws.iter().zip(&expected);
            let errors =
                errors.map(|(&draw, expected)| difference(&compute(format, draw), expected));
            let mut errors: Vec<f64> = errors.collect();
            // NaN is the largest and is not to be hidden behind the median.
            errors.sort_by(f64::total_cmp);
            let (middle, last) = (errors[errors.len() / 2], errors[errors.len() - 1]);
            let found = if last.is_finite() { middle } else { last };
            let allowed = tolerance(format);
            assert!(
                found.is_finite() && found <= allowed,
                "{name} in {format:?} is off by {found:.1e}, allowed {allowed:.1e}"
            );
            self.most[column] = self.most[column].max(found);
            self.allowed[column] = self.allowed[column].max(allowed);
        }
    }

    /// Prints the row in the format of the table in `docs/backends.md`.
    pub fn print(&self, name: &str) {
        let cells = self.most.iter().zip(self.allowed);
        let cells: Vec<String> = cells
            .map(|(most, allowed)| format!("{most:.1e} ({allowed:.1e})"))
            .collect();
        println!("| {name} | reference | {} |", cells.join(" | "));
    }
}
