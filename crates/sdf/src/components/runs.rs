//! Runs of mask voxels along the last axis, joined to components by union-find.

use std::ops::Range;

use ndarray::{Array3, ArrayView3};

/// A maximal run of mask voxels along the last axis, and its parent in the union-find forest.
struct Run {
    z: Range<usize>,
    parent: usize,
}

/// The runs of a mask.
pub(super) struct Runs {
    runs: Vec<Run>,
    /// `rows[i]..rows[i + 1]` are the runs of row `i`.
    rows: Vec<usize>,
}

impl Runs {
    pub(super) fn find(mask: ArrayView3<'_, bool>) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        let mut rows = vec![0];
        for row in mask.rows() {
            let mut before = false;
            for (z, &on) in row.iter().enumerate() {
                match runs.last_mut() {
                    Some(run) if on && before => run.z.end = z + 1,
                    _ if on => runs.push(Run {
                        z: z..z + 1,
                        parent: runs.len(),
                    }),
                    _ => {}
                }
                before = on;
            }
            rows.push(runs.len());
        }
        Self { runs, rows }
    }

    /// Merges the runs of two rows that are within `reach` voxels along the last axis.
    pub(super) fn join_rows(&mut self, row: usize, other: usize, reach: usize) {
        let (mut a, mut b) = (self.rows[row], self.rows[other]);
        while a < self.rows[row + 1] && b < self.rows[other + 1] {
            let (first, second) = (self.runs[a].z.clone(), self.runs[b].z.clone());
            if first.start < second.end + reach && second.start < first.end + reach {
                self.join(a, b);
            }
            if first.end < second.end {
                a += 1;
            } else {
                b += 1;
            }
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The root is always the earliest run, so it holds the component's first voxel.
        self.runs[a.max(b)].parent = a.min(b);
    }

    fn root(&mut self, mut run: usize) -> usize {
        while self.runs[run].parent != run {
            let grandparent = self.runs[self.runs[run].parent].parent;
            self.runs[run].parent = grandparent;
            run = grandparent;
        }
        run
    }

    /// The number of each voxel's component, counted from 1 in the order of first voxels, and the size of each component.
    pub(super) fn into_labels(mut self, shape: (usize, usize, usize)) -> (Array3<u32>, Vec<usize>) {
        let mut labels = Array3::zeros(shape);
        let mut sizes = Vec::new();
        let mut label_of = vec![0_u32; self.runs.len()];
        for (index, mut row) in labels.rows_mut().into_iter().enumerate() {
            for run in self.rows[index]..self.rows[index + 1] {
                let root = self.root(run);
                if root == run {
                    sizes.push(0);
                    label_of[run] =
                        u32::try_from(sizes.len()).expect("there are fewer than 2^32 components");
                }
                label_of[run] = label_of[root];
                let z = self.runs[run].z.clone();
                sizes[label_of[run] as usize - 1] += z.len();
                for z in z {
                    row[z] = label_of[run];
                }
            }
        }
        (labels, sizes)
    }
}
