//! Matrices packed in blocks of rows: `[place][row of the block]` for each block.

use super::simd::Level;
use rayon::prelude::*;

/// Divides channels into blocks of powers of two, at most `widest`: `(first, width)`.
pub(crate) fn blocks(channels: usize, widest: usize) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < channels {
        let block = block_of(channels, widest, first);
        blocks.push(block);
        first += block.1;
    }
    blocks
}

/// The one of the [`blocks`] that a channel is in; `widest` is a power of two.
pub(crate) fn block_of(channels: usize, widest: usize, channel: usize) -> (usize, usize) {
    let mut first = channel / widest * widest;
    loop {
        let width = 1 << widest.min(channels - first).ilog2();
        if channel < first + width {
            return (first, width);
        }
        first += width;
    }
}

/// The index of place `place` of `row` of a channel in the packed matrix, given the channel's block.
#[inline(always)]
pub(crate) fn packed(
    (first, width): (usize, usize),
    row: usize,
    channel: usize,
    place: usize,
) -> usize {
    first * row + place * width + channel - first
}

/// The inverse of [`packed`]: the channel and its place.
#[inline(always)]
pub(crate) fn unpacked(channels: usize, widest: usize, row: usize, index: usize) -> [usize; 2] {
    let (first, width) = block_of(channels, widest, index / row);
    let index = index - first * row;
    [first + index % width, index / width]
}

/// Packs `outputs × inputs` numbers given by `get(output, input)` for a product; with several taps `inputs` counts the taps
/// of all channels.
pub(crate) fn pack(
    level: Level,
    [outputs, inputs]: [usize; 2],
    get: impl Fn(usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let mut packed = vec![0.0; outputs * inputs];
    let mut rest = packed.as_mut_slice();
    let parts = blocks(outputs, level.channels())
        .into_iter()
        .map(|(first, width)| {
            let part = rest.split_off_mut(..width * inputs);
            (first, width, part.expect("the rows of all blocks"))
        });
    let parts: Vec<_> = parts.collect();
    parts.into_par_iter().for_each(|(first, width, part)| {
        // Plain loops: Valgrind takes the optimized form of a chain of iterators for a decision on unwritten memory.
        for (i, place) in part.chunks_exact_mut(width).enumerate() {
            for (c, value) in place.iter_mut().enumerate() {
                *value = get(first + c, i);
            }
        }
    });
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_a_permutation_of_the_matrix() {
        for (channels, widest) in (1..30).flat_map(|c| [1, 2, 4, 8].map(|w| (c, w))) {
            let (row, blocks) = (5, blocks(channels, widest));
            let ends = blocks.iter().map(|(first, width)| first + width);
            assert!(ends.clone().is_sorted() && ends.max() == Some(channels));
            let packs = pack(Level::current(), [channels, row], |o, i| {
                (o * row + i) as f32
            });
            for (channel, place) in (0..channels).flat_map(|c| (0..row).map(move |p| (c, p))) {
                let block = block_of(channels, widest, channel);
                assert!(blocks.contains(&block) && block.1 <= widest);
                let index = packed(block, row, channel, place);
                assert_eq!(unpacked(channels, widest, row, index), [channel, place]);
                if widest == Level::current().channels() {
                    assert_eq!(packs[index], (channel * row + place) as f32);
                }
            }
        }
    }
}
