//! Lower envelope of parabolas along one line of squared distances.

/// Precomputed values shared by all lines of one axis.
pub(crate) struct AxisTable {
    /// `(i * spacing)^2` for `i < n`, and infinity at `n`.
    squares: Vec<f32>,
    /// `1 / (2 * i * spacing^2)`, which replaces the division in an intersection.
    slopes: Vec<f64>,
}

impl AxisTable {
    pub(crate) fn new(len: usize, spacing: f64) -> Self {
        let square = |i: usize| (i as f64 * spacing).powi(2);
        Self {
            squares: (0..len)
                .map(|i| square(i) as f32)
                .chain([f32::INFINITY])
                .collect(),
            slopes: (0..len)
                .map(|i| 0.5 / (i as f64 * spacing * spacing))
                .collect(),
        }
    }

    /// The squared distance over `steps` voxels; infinity for `steps` = line length.
    pub(crate) fn square(&self, steps: usize) -> f32 {
        self.squares[steps]
    }
}

/// `height + ((i - apex) * spacing)^2`, the lowest one from index `start` on.
#[derive(Clone, Copy)]
struct Parabola {
    apex: usize,
    start: usize,
    height: f32,
}

/// Scratch memory for the envelope, reused for every line.
#[derive(Default)]
pub(crate) struct Envelope(Vec<Parabola>);

impl Envelope {
    /// Replaces `line[i]` by `min_j line[j] + ((i - j) * spacing)^2`.
    ///
    /// A zero hides all parabolas behind it, so the line is processed in runs between zeros.
    pub(crate) fn transform(&mut self, line: &mut [f32], table: &AxisTable) {
        let mut from = 0;
        while let Some(skip) = line[from..].iter().position(|&height| height != 0.0) {
            let first = from + skip;
            let end = line[first..]
                .iter()
                .position(|&height| height == 0.0)
                .map_or(line.len(), |run| first + run);
            let run = &mut line[first.saturating_sub(1)..(end + 1).min(table.slopes.len())];
            self.build(run, table);
            self.evaluate(run, table);
            from = end;
        }
    }

    fn build(&mut self, run: &[f32], table: &AxisTable) {
        self.0.clear();
        for (apex, &height) in run.iter().enumerate() {
            if height < f32::INFINITY {
                self.push(apex, height, run.len(), table);
            }
        }
    }

    fn push(&mut self, apex: usize, height: f32, len: usize, table: &AxisTable) {
        let mut start = 0;
        while let Some(last) = self.0.last() {
            let rise = f64::from(height) - f64::from(last.height);
            let middle = 0.5 * (apex + last.apex) as f64;
            let crossing = middle + rise * table.slopes[apex - last.apex];
            // First index after the intersection; the cast turns a negative number into zero.
            start = (crossing + 1.0) as usize;
            if start > last.start {
                break;
            }
            // The last parabola is nowhere the lowest.
            self.0.pop();
            start = 0;
        }
        if start < len {
            self.0.push(Parabola {
                apex,
                start,
                height,
            });
        }
    }

    fn evaluate(&self, run: &mut [f32], table: &AxisTable) {
        let mut end = run.len();
        for &Parabola {
            apex,
            start,
            height,
        } in self.0.iter().rev()
        {
            for (i, value) in (start..).zip(&mut run[start..end]) {
                *value = height + table.squares[i.abs_diff(apex)];
            }
            end = start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brute(line: &[f32], spacing: f64) -> Vec<f32> {
        let at =
            |i: usize, j: usize| f64::from(line[j]) + ((i as f64 - j as f64) * spacing).powi(2);
        (0..line.len())
            .map(|i| {
                (0..line.len())
                    .map(|j| at(i, j))
                    .fold(f64::INFINITY, f64::min) as f32
            })
            .collect()
    }

    #[test]
    fn envelope_matches_the_minimum_over_all_parabolas() {
        let inf = f32::INFINITY;
        for line in [
            vec![inf, 4.0, inf, 0.0, 9.0, 1.0, inf, inf, 25.0],
            vec![inf, inf, inf],
            vec![7.0],
            vec![0.0, 0.0, 3.0, 0.0],
            vec![100.0, 3.0, 3.0, 3.0, 50.0, inf],
        ] {
            let mut found = line.clone();
            let table = AxisTable::new(line.len(), 1.5);
            Envelope::default().transform(&mut found, &table);
            assert_eq!(found, brute(&line, 1.5), "{line:?}");
        }
    }
}
