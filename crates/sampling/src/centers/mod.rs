//! Class centers on the unit sphere: fixed targets and running means.

mod assignment;
mod simplex;

pub use assignment::best_assignment;
pub use simplex::uniform_centers;

use crate::error::SamplingError;
use crate::rng::{keyed_rng, unit_vector};

/// Fixed, evenly spread centers and a running center per class that is assigned to one of them.
///
/// ```text
/// φ_c(B) = normalize( mean of the unit features of class c in the batch )
/// φ_c    ← normalize( (1 − η)·φ_c + η·φ_c(B) )                  classes that are present only
/// π*     = argmax over permutations of Σ_c φ_c · ψ_π(c)
/// ```
///
/// `ψ` are the [`uniform_centers`]; `φ_c` start as random directions. For unit vectors, maximizing this
/// sum minimizes the squared distances. The computation runs on the host, since the vectors are few and small.
///
/// # References
///
/// You et al., "ACTION++: Improving semi-supervised medical image segmentation with adaptive
/// anatomical contrast", MICCAI 2023, arXiv 2304.02689.
///
/// # Examples
///
/// ```
/// use semivox_sampling::ClassCenters;
///
/// let mut centers = ClassCenters::new(2, 3, 1.0, 7)?;
/// let first = centers.goals()[..3].to_vec();
/// // Class 1 is observed at the first center, so it is assigned that one.
/// centers.observe(&first, &[1]);
/// centers.observe(&first.iter().map(|x| -x).collect::<Vec<_>>(), &[0]);
/// assert_eq!(centers.assignment(), [1, 0]);
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCenters {
    goals: Vec<f32>,
    running: Vec<f32>,
    width: usize,
    rate: f64,
}

impl ClassCenters {
    /// Creates centers for `classes` classes of features with `width` elements, drawn from the seed; `rate` is η.
    ///
    /// # Errors
    ///
    /// If there are fewer than two classes, or too few elements to spread them evenly.
    pub fn new(classes: usize, width: usize, rate: f64, seed: u64) -> Result<Self, SamplingError> {
        let mut rng = keyed_rng(seed, 0, "running class centers");
        let goals = uniform_centers(classes, width, &mut keyed_rng(seed, 0, "class centers"))?;
        let running = (0..classes).flat_map(|_| unit_vector(width, &mut rng));
        Ok(Self {
            running: running.collect(),
            goals: goals.concat(),
            width,
            rate,
        })
    }

    /// Updates the running centers of the classes that are present.
    ///
    /// # Panics
    ///
    /// If `classes` does not have one entry per row of `features`, or a class is out of range.
    pub fn observe(&mut self, features: &[f32], classes: &[i32]) {
        let width = self.width;
        assert_eq!(features.len(), classes.len() * width, "one class a row");
        let mut means = vec![0.0; self.running.len()];
        for (row, &class) in features.chunks_exact(width).zip(classes) {
            let sum = &mut means[class as usize * width..][..width];
            let direction = normalized(row.iter().map(|&x| f64::from(x)).collect());
            let direction = direction.unwrap_or_else(|| vec![0.0; width]);
            sum.iter_mut().zip(direction).for_each(|(s, x)| *s += x);
        }
        let centers = self.running.chunks_exact_mut(width);
        for (center, mean) in centers.zip(means.chunks_exact(width)) {
            let Some(mean) = normalized(mean.to_vec()) else {
                continue; // absent, or without direction
            };
            let mixed = center.iter().zip(&mean);
            let mixed =
                mixed.map(|(&old, new)| (1.0 - self.rate) * f64::from(old) + self.rate * new);
            if let Some(moved) = normalized(mixed.collect()) {
                center
                    .iter_mut()
                    .zip(moved)
                    .for_each(|(c, m)| *c = m as f32);
            }
        }
    }

    /// The assignment `π*`: the index of the fixed center of each class.
    pub fn assignment(&self) -> Vec<usize> {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum()
        };
        let goals = || self.goals.chunks_exact(self.width);
        let classes = self.running.chunks_exact(self.width);
        let scores: Vec<f64> = classes
            .flat_map(|class| goals().map(move |goal| dot(class, goal)))
            .collect();
        best_assignment(&scores, self.classes())
    }

    /// The number of classes, which is also the number of centers.
    pub fn classes(&self) -> usize {
        self.goals.len() / self.width
    }

    /// The fixed centers `ψ`, row-major.
    pub fn goals(&self) -> &[f32] {
        &self.goals
    }

    /// The running centers `φ`, row-major: the state to save in a checkpoint.
    pub fn running(&self) -> &[f32] {
        &self.running
    }

    /// Restores the running centers `φ` from a checkpoint.
    ///
    /// # Errors
    ///
    /// If the number of values differs from `classes · width`.
    pub fn restore(&mut self, running: Vec<f32>) -> Result<(), SamplingError> {
        if running.len() != self.running.len() {
            return Err(SamplingError::Shape {
                what: "saved class centers",
                expected: vec![self.running.len()],
                found: vec![running.len()],
            });
        }
        self.running = running;
        Ok(())
    }
}

/// The vector scaled to unit length; `None` for a zero vector.
fn normalized(vector: Vec<f64>) -> Option<Vec<f64>> {
    let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let known = norm.is_finite() && norm > 1e-12;
    known.then(|| vector.into_iter().map(|x| x / norm).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_classes_that_are_present_move_and_keep_their_length() {
        let mut centers = ClassCenters::new(3, 4, 0.1, 5).unwrap();
        let before = centers.running().to_vec();
        // Two features of class 2, whose lengths do not matter.
        centers.observe(&[3.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0], &[2, 2]);
        assert_eq!(centers.running()[..8], before[..8]);
        let half = 0.5f64.sqrt();
        let mixed: Vec<f64> = [half, half, 0.0, 0.0]
            .iter()
            .zip(&before[8..])
            .map(|(new, &old)| 0.9 * f64::from(old) + 0.1 * new)
            .collect();
        for (found, expected) in centers.running()[8..]
            .iter()
            .zip(normalized(mixed).unwrap())
        {
            assert!((f64::from(*found) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn vectors_without_direction_change_nothing() {
        let mut centers = ClassCenters::new(2, 2, 0.1, 5).unwrap();
        let before = centers.clone();
        centers.observe(&[0.0, 0.0, f32::NAN, 1.0], &[0, 1]);
        centers.observe(&[], &[]);
        assert_eq!(centers, before);
    }

    #[test]
    fn classes_come_to_their_nearest_centers_and_the_state_is_complete() {
        let mut centers = ClassCenters::new(4, 16, 0.1, 1).unwrap();
        let wanted = [2usize, 0, 3, 1];
        let goals = centers.goals().to_vec();
        for _ in 0..60 {
            for (class, goal) in wanted.iter().enumerate() {
                centers.observe(&goals[goal * 16..][..16], &[class as i32]);
            }
        }
        assert_eq!(centers.assignment(), wanted);
        let mut restored = ClassCenters::new(4, 16, 0.1, 1).unwrap();
        restored.restore(centers.running().to_vec()).unwrap();
        assert_eq!(restored, centers);
        assert!(restored.restore(vec![0.0; 3]).is_err());
    }
}
