//! Outlines of labels as SVG path data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ndarray::ArrayView2;

/// A corner of a pixel: row and column.
type Corner = (usize, usize);

/// Draws the outlines of all labels but 0, scaled to `across` by `down`.
pub(super) fn contour(
    html: &mut String,
    class: &str,
    labels: ArrayView2<'_, u8>,
    [across, down]: [f64; 2],
) {
    let (rows, columns) = labels.dim();
    let path = contour_path(labels);
    if !path.is_empty() {
        let _ = write!(
            html,
            "<path class=\"{class}\" transform=\"scale({:.5} {:.5})\" d=\"{path}\"/>",
            across / columns as f64,
            down / rows as f64
        );
    }
}

/// Returns the outlines of all labels but 0 as SVG path data in pixels.
///
/// They follow pixel edges, joined end to end so that a dash pattern continues.
fn contour_path(labels: ArrayView2<'_, u8>) -> String {
    let present: BTreeSet<u8> = labels.iter().copied().filter(|&label| label > 0).collect();
    let mut path = String::new();
    for label in present {
        let mut edges = edges(labels, label);
        while let Some((&start, _)) = edges.first_key_value() {
            draw_loop(&mut path, &mut edges, start);
        }
    }
    path
}

/// Returns the pixel edges between a label and all others, from corner to corner, clockwise.
fn edges(labels: ArrayView2<'_, u8>, label: u8) -> BTreeMap<Corner, Vec<Corner>> {
    let inside = |row: usize, column: usize| labels.get((row, column)) == Some(&label);
    let mut edges: BTreeMap<Corner, Vec<Corner>> = BTreeMap::new();
    for ((r, c), _) in labels.indexed_iter().filter(|(_, found)| **found == label) {
        for (neighbor, from, to) in [
            (inside(r.wrapping_sub(1), c), (r, c), (r, c + 1)),
            (inside(r, c + 1), (r, c + 1), (r + 1, c + 1)),
            (inside(r + 1, c), (r + 1, c + 1), (r + 1, c)),
            (inside(r, c.wrapping_sub(1)), (r + 1, c), (r, c)),
        ] {
            if !neighbor {
                edges.entry(from).or_default().push(to);
            }
        }
    }
    edges
}

/// Appends the closed path along the edges from `start`, and removes these edges.
fn draw_loop(path: &mut String, edges: &mut BTreeMap<Corner, Vec<Corner>>, start: Corner) {
    let mut corners = vec![start];
    let mut at = start;
    while let Some(ends) = edges.get_mut(&at) {
        let next = ends.pop();
        if ends.is_empty() {
            edges.remove(&at);
        }
        let Some(next) = next else { break };
        let straight = corners.len() > 1 && {
            let before = corners[corners.len() - 2];
            before.0 == next.0 || before.1 == next.1
        };
        if straight {
            corners.pop();
        }
        corners.push(next);
        at = next;
        if at == start {
            break;
        }
    }
    let _ = write!(path, "M{} {}", start.1, start.0);
    for pair in corners.windows(2) {
        let ((r0, c0), (r1, c1)) = (pair[0], pair[1]);
        let _ = match r0 == r1 {
            true => write!(path, "h{}", c1 as i64 - c0 as i64),
            false => write!(path, "v{}", r1 as i64 - r0 as i64),
        };
    }
    path.push('z');
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_contour_runs_along_pixel_edges_and_closes() {
        let labels = array![[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]];
        assert_eq!(contour_path(labels.view()), "M1 1h2v1h-2v-1z");
        assert_eq!(contour_path(array![[1]].view()), "M0 0h1v1h-1v-1z");
        assert_eq!(contour_path(array![[0, 0]].view()), "");
    }

    #[test]
    fn holes_touching_corners_and_neighbors_have_loops_of_their_own() {
        let ring = array![[1, 1, 1], [1, 0, 1], [1, 1, 1]];
        let path = contour_path(ring.view());
        assert_eq!(path, "M0 0h3v3h-3v-3zM1 1v1h1v-1h-1z");
        // Every unit of edge is drawn once: two pixels that touch at a corner have eight.
        let corners = contour_path(array![[2, 0], [0, 2]].view());
        assert_eq!(corners.matches(['h', 'v']).count(), 8);
        let two = contour_path(array![[1, 2]].view());
        assert_eq!(two, "M0 0h1v1h-1v-1zM1 0h1v1h-1v-1z");
    }
}
