//! Maps from the indices of a grid to those of another, and what is inside of that one.

/// Returns whether an index map is axis-aligned, as between a file and its preprocessed volume; axes can then be
/// treated separately.
pub(super) fn is_axis_aligned(map: &[[f64; 4]; 3]) -> bool {
    let off_diagonal = |r: usize| {
        (0..3)
            .filter(move |&c| c != r)
            .map(move |c| map[r][c].abs())
    };
    (0..3).flat_map(off_diagonal).all(|x| x < 1e-9)
}

/// Maps an index to a fractional index.
pub(super) fn apply(map: &[[f64; 4]; 3], index: [usize; 3]) -> [f64; 3] {
    let [x, y, z] = index.map(|i| i as f64);
    std::array::from_fn(|r| map[r][0] * x + map[r][1] * y + map[r][2] * z + map[r][3])
}

/// Distance outside a volume, in voxels, that still counts as its border.
const SLACK: f64 = 0.25;

/// Returns whether a fractional index is on an axis, within the slack.
pub(super) fn is_on_axis(index: f64, n: usize) -> bool {
    let reach = 0.5 + SLACK + 1e-6;
    n > 0 && index >= -reach && index <= n as f64 - 1.0 + reach
}

/// Returns whether a fractional index is in a volume, within the slack.
pub(super) fn is_inside(index: [f64; 3], shape: [usize; 3]) -> bool {
    (0..3).all(|a| is_on_axis(index[a], shape[a]))
}
