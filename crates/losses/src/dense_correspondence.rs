//! Correspondence of the positions of two feature maps.

use burn::prelude::*;

use crate::format::Format;
use crate::similarity::unit;
use crate::targets::flatten_voxels;

/// The most similar position of the key for each position of the query.
///
/// ```text
/// c(b, i) = argmax_j cos( q_b[i], k_b[j] )
/// ```
///
/// # Shapes
///
/// - query, key: feature maps `[batch, channel, sides…]`, of any sides
/// - result: `[batch, positions of the query]`, positions of the key in row-major order
///
/// # Panics
///
/// Panics if batch or channels differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::dense_correspondence;
///
/// let map = Tensor::<4>::from_floats([[[[1.0, 0.0]], [[0.0, 1.0]]]], &Device::flex());
/// let mirrored = map.clone().flip([3]);
/// let found = dense_correspondence(map, mirrored).into_data();
/// assert_eq!(found.iter::<i64>().collect::<Vec<_>>(), [1, 0]);
/// ```
pub fn dense_correspondence<const D: usize>(query: Tensor<D>, key: Tensor<D>) -> Tensor<2, Int> {
    let ([batch, channels, ..], [keys, widths, ..]) = (head(&query), head(&key));
    assert_eq!(
        [keys, widths],
        [batch, channels],
        "query and key differ in batch or channels"
    );
    let format = Format::of(&query);
    let [query, key] = [query, key].map(|map| positions(format.widen(map.detach())));
    let similarity = query.matmul(key.swap_dims(1, 2));
    let [batch, queries, _] = similarity.dims();
    similarity.argmax(2).reshape([batch, queries])
}

/// Batch and channels.
fn head<const D: usize>(map: &Tensor<D>) -> [usize; 2] {
    let dims = map.dims();
    [dims[0], dims[1]]
}

/// Positions of a map as unit vectors: `[batch, channel, sides…]` to `[batch, positions, channel]`.
pub(crate) fn positions<const D: usize>(map: Tensor<D>) -> Tensor<3> {
    unit(flatten_voxels(map).swap_dims(1, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    /// Position `i` of image `b` of a flat `[b, c, n]` map.
    fn vector(map: &[f64], [_, c, n]: [usize; 3], b: usize, i: usize) -> Vec<f64> {
        (0..c)
            .map(|channel| map[(b * c + channel) * n + i])
            .collect()
    }

    fn nearest(q: &[f64], k: &[f64], shape: [usize; 3], b: usize, i: usize) -> usize {
        let query = vector(q, shape, b, i);
        let to = |j: usize| cosine(&query, &vector(k, shape, b, j));
        (0..shape[2]).fold(0, |best, j| if to(j) > to(best) { j } else { best })
    }

    fn indices(found: Tensor<2, Int>) -> Vec<i64> {
        found.into_data().iter::<i64>().collect()
    }

    #[test]
    fn correspondence_equals_plain_loops_in_2d_and_3d() {
        let (q, k) = (floats(48, 1), floats(48, 2));
        let shape = [2, 3, 8];
        let expected: Vec<i64> = (0..16)
            .map(|row| nearest(&q, &k, shape, row / 8, row % 8) as i64)
            .collect();
        let flat = dense_correspondence(tensor([2, 3, 4, 2], &q), tensor([2, 3, 4, 2], &k));
        let sides = [2, 3, 2, 2, 2];
        let deep = dense_correspondence(tensor(sides, &q), tensor(sides, &k));
        assert_eq!(indices(flat), expected);
        assert_eq!(indices(deep), expected);
    }

    #[test]
    fn a_map_corresponds_to_itself_at_any_length() {
        let map = random([2, 5, 3, 3], 3);
        let found = indices(dense_correspondence(map.clone(), map * 7.0));
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(2));
    }
}
