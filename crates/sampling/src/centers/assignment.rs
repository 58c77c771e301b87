//! Optimal one-to-one assignment (Hungarian algorithm).

/// Finds the permutation `π` that maximizes `Σ_i scores[i, π(i)]`.
///
/// Uses the Hungarian algorithm, O(n³). `scores` holds `count · count` values in row-major order; the
/// result is `π`.
///
/// # Panics
///
/// If the length of `scores` is not `count · count`, or a score is not finite.
///
/// # References
///
/// - H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics, 1955.
/// - R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
///   assignment problems", Computing, 1987.
///
/// # Examples
///
/// ```
/// use semivox_sampling::best_assignment;
///
/// // Greedily taking the largest score first (3, then 0) would give less than 2 + 2.
/// assert_eq!(best_assignment(&[3.0, 2.0, 2.0, 0.0], 2), [1, 0]);
/// ```
pub fn best_assignment(scores: &[f64], count: usize) -> Vec<usize> {
    assert_eq!(scores.len(), count * count, "expected a square of scores");
    assert!(
        scores.iter().all(|score| score.is_finite()),
        "expected finite scores, found {scores:?}"
    );
    let mut matching = Matching {
        scores,
        count,
        rows: vec![0.0; count],
        columns: vec![0.0; count + 1],
        row_of: vec![None; count + 1],
    };
    (0..count).for_each(|row| matching.insert(row));
    let mut result = vec![0; count];
    for (column, row) in matching.row_of[..count].iter().enumerate() {
        result[row.expect("as many rows as columns are matched")] = column;
    }
    result
}

/// Partial matching of rows to columns, with dual prices under which no pair beats a matched one.
///
/// The last column is virtual: it holds the row that is being inserted.
struct Matching<'a> {
    scores: &'a [f64],
    count: usize,
    rows: Vec<f64>,
    columns: Vec<f64>,
    row_of: Vec<Option<usize>>,
}

impl Matching<'_> {
    /// Matches one more row along the cheapest augmenting path.
    fn insert(&mut self, row: usize) {
        let start = self.count;
        self.row_of[start] = Some(row);
        let mut distance = vec![f64::INFINITY; self.count];
        let mut before = vec![start; self.count];
        let mut visited = vec![false; self.count + 1];
        let mut column = start;
        while let Some(row) = self.row_of[column] {
            visited[column] = true;
            let (mut nearest, mut least) = (start, f64::INFINITY);
            for next in (0..self.count).filter(|&c| !visited[c]) {
                let cost =
                    -self.scores[row * self.count + next] - self.rows[row] - self.columns[next];
                if cost < distance[next] {
                    (distance[next], before[next]) = (cost, column);
                }
                if distance[next] < least {
                    (nearest, least) = (next, distance[next]);
                }
            }
            self.raise(least, &visited, &mut distance);
            column = nearest;
        }
        while column != start {
            self.row_of[column] = self.row_of[before[column]];
            column = before[column];
        }
    }

    /// Raises the prices of visited rows and columns by `least`, the distance to the nearest free column.
    fn raise(&mut self, least: f64, visited: &[bool], distance: &mut [f64]) {
        for (column, &visited) in visited.iter().enumerate() {
            match self.row_of[column] {
                Some(row) if visited => {
                    self.rows[row] += least;
                    self.columns[column] -= least;
                }
                _ => {
                    if let Some(distance) = distance.get_mut(column) {
                        *distance -= least;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed_rng;
    use rand::RngExt;

    /// The best sum over all permutations of the columns not yet `taken`.
    fn by_trying_all(scores: &[f64], count: usize, row: usize, taken: &mut [bool]) -> f64 {
        if row == count {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for column in 0..count {
            if !taken[column] {
                taken[column] = true;
                let rest = by_trying_all(scores, count, row + 1, taken);
                best = best.max(scores[row * count + column] + rest);
                taken[column] = false;
            }
        }
        best
    }

    #[test]
    fn equals_trying_all_permutations() {
        let mut rng = keyed_rng(3, 0, "test");
        for round in 0..300 {
            let count = 1 + round % 6;
            // Every third round has many ties.
            let score = |_| match round % 3 {
                0 => f64::from(rng.random_range(-2..3)),
                _ => rng.random_range(-1.0..1.0),
            };
            let scores: Vec<f64> = (0..count * count).map(score).collect();
            let found = best_assignment(&scores, count);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..count), "a permutation: {found:?}");
            let pairs = found.iter().enumerate();
            let sum: f64 = pairs
                .map(|(row, column)| scores[row * count + column])
                .sum();
            let expected = by_trying_all(&scores, count, 0, &mut vec![false; count]);
            assert!((sum - expected).abs() < 1e-9, "{sum} {expected}");
        }
    }

    #[test]
    #[should_panic(expected = "finite scores")]
    fn scores_must_be_finite() {
        best_assignment(&[f64::NAN], 1);
    }
}
