//! Outlines of labels as SVG path data.

use std::fmt::Write;

use ndarray::ArrayView2;

/// The borders between labels, along pixel edges, as SVG path data in pixels.
pub(super) fn contour_path(labels: ArrayView2<'_, u8>) -> String {
    let (rows, columns) = labels.dim();
    let at = |row: isize, column: isize| {
        let inside = row >= 0 && column >= 0;
        (inside.then(|| labels.get((row as usize, column as usize)).copied()))
            .flatten()
            .unwrap_or(0)
    };
    let mut path = String::new();
    for row in 0..=rows as isize {
        runs(
            columns,
            |column| at(row - 1, column) != at(row, column),
            |start, length| {
                let _ = write!(path, "M{start} {row}h{length}");
            },
        );
    }
    for column in 0..=columns as isize {
        runs(
            rows,
            |row| at(row, column - 1) != at(row, column),
            |start, length| {
                let _ = write!(path, "M{column} {start}v{length}");
            },
        );
    }
    path
}

/// Calls `found(start, length)` for every run of places where `edge` holds.
fn runs(count: usize, edge: impl Fn(isize) -> bool, mut found: impl FnMut(usize, usize)) {
    let mut start = None;
    for place in 0..=count {
        let here = place < count && edge(place as isize);
        match (start, here) {
            (None, true) => start = Some(place),
            (Some(first), false) => {
                found(first, place - first);
                start = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_contour_runs_along_pixel_edges() {
        let labels = array![[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]];
        assert_eq!(contour_path(labels.view()), "M1 1h2M1 2h2M1 1v1M3 1v1");
        assert_eq!(contour_path(array![[1]].view()), "M0 0h1M0 1h1M0 0v1M1 0v1");
        assert_eq!(contour_path(array![[0, 0]].view()), "");
    }
}
