//! Waves of the codes: cosine transform of averages over cells, and the frequencies whose signs are kept.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Cells along each axis that a scan is averaged to.
pub(super) const CELLS: usize = 16;

/// Frequencies along each axis, in half waves.
pub(super) const WAVES: usize = 6;

/// The squared frequency from which on waves of a plane have no bit: those below are about as many as a solid has.
const PLANE_END: usize = 170;

/// The least squared frequency of a bit: those below draw the outline that all scans of an organ share.
const LEAST: usize = 25;

/// The bits, the first one in the highest place.
pub(super) fn bits(bits: impl Iterator<Item = bool>) -> u128 {
    bits.fold(0, |code, bit| code << 1 | u128::from(bit))
}

/// Adds multiples of some values to cells.
pub(super) fn add(cells: &mut [f32], shares: &[(usize, f32)], values: &[f32]) {
    for &(cell, share) in shares {
        let cell = &mut cells[cell * values.len()..][..values.len()];
        let sums = cell.iter_mut().zip(values);
        sums.for_each(|(sum, value)| *sum += share * value);
    }
}

/// The cosine transform of cells: so many of the lowest frequencies along each axis.
pub(super) fn transformed(cells: &[f32], counts: [usize; 3]) -> Vec<f32> {
    let [i, j, k] = counts;
    let waves = along(cells, 1, i);
    let waves = along(&waves, i, j);
    along(&waves, i * j, k)
}

/// The `count` lowest frequencies along an axis before which the array has `blocks` entries.
fn along(values: &[f32], blocks: usize, count: usize) -> Vec<f32> {
    let inner = values.len() / blocks / CELLS;
    let mut sums = vec![0.0; blocks * count * inner];
    let pairs = sums
        .chunks_exact_mut(count * inner)
        .zip(values.chunks_exact(CELLS * inner));
    for (sums, values) in pairs {
        for (values, waves) in values.chunks_exact(inner).zip(COSINES.iter()) {
            add(sums, &waves[..count], values);
        }
    }
    sums
}

/// For each cell of an axis, the waves and their values in it.
static COSINES: LazyLock<[[(usize, f32); CELLS]; CELLS]> = LazyLock::new(|| {
    let phase = |cell: usize, wave: usize| PI * wave as f64 * (cell as f64 + 0.5) / CELLS as f64;
    let at = |cell: usize| std::array::from_fn(|wave| (wave, phase(cell, wave).cos() as f32));
    std::array::from_fn(at)
});

/// The frequencies of the bits of a solid, the first one in the highest bit.
pub(super) static FREQUENCIES: LazyLock<Vec<[usize; 3]>> = LazyLock::new(|| {
    let of = |n: usize| [n / WAVES / WAVES, n / WAVES % WAVES, n % WAVES];
    let held = |waves: &[usize; 3]| waves.iter().map(|n| n * n).sum::<usize>() >= LEAST;
    (0..WAVES.pow(3)).map(of).filter(held).collect()
});

/// The frequencies of the bits of a plane, the first one in the highest bit.
pub(super) static PLANE_FREQUENCIES: LazyLock<Vec<[usize; 2]>> = LazyLock::new(|| {
    let held = |[i, j]: &[usize; 2]| (LEAST..PLANE_END).contains(&(i * i + j * j));
    let all = (0..CELLS.pow(2)).map(|n| [n / CELLS, n % CELLS]);
    all.filter(held).collect()
});

/// The bits of a solid that change if some axes are mirrored.
pub(super) static MIRRORED: LazyLock<Vec<u128>> =
    LazyLock::new(|| mirrored(FREQUENCIES.as_slice()));

/// The bits of a plane that change if some axes are mirrored.
pub(super) static MIRRORED_PLANE: LazyLock<Vec<u128>> =
    LazyLock::new(|| mirrored(PLANE_FREQUENCIES.as_slice()));

/// For any axes that are mirrored, the bits that change: those of an odd number of half waves along them together.
fn mirrored<const AXES: usize>(frequencies: &[[usize; AXES]]) -> Vec<u128> {
    let odd = |axes: usize, waves: &[usize; AXES]| {
        let along = (0..AXES).filter(|axis| axes >> axis & 1 == 1);
        along.map(|axis| waves[axis]).sum::<usize>() % 2 == 1
    };
    let changed = |axes| bits(frequencies.iter().map(|waves| odd(axes, waves)));
    (0..1 << AXES).map(changed).collect()
}
