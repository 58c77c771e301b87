//! Random number generators keyed by seed, step and purpose.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Creates the generator for one purpose at one step of a run.
///
/// The 32-byte seed is a SplitMix64 sequence started from `seed`, `step` and the FNV-1a hash of
/// `purpose`. No state is kept between calls: a run that is resumed, or that makes its steps in another
/// order or on other threads, draws the same numbers.
///
/// # Examples
///
/// ```
/// use semivox_data::rng::{below, keyed};
///
/// let draw = |step, purpose| below(&mut keyed(1337, step, purpose), 1_000_000);
/// assert_eq!(draw(5, "crop"), draw(5, "crop"));
/// assert_ne!(draw(5, "crop"), draw(6, "crop"));
/// assert_ne!(draw(5, "crop"), draw(5, "flip"));
/// ```
pub fn keyed(seed: u64, step: u64, purpose: &str) -> ChaCha8Rng {
    let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut state = mix(mix(mix(seed).wrapping_add(step)).wrapping_add(hash));
    let mut bytes = [0; 32];
    for word in bytes.chunks_exact_mut(8) {
        state = mix(state);
        word.copy_from_slice(&state.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

/// One step of SplitMix64.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Draws a uniform integer from 0 to `n - 1`; 0 if `n` is 0.
///
/// Rejection sampling makes it exact, and 64-bit words make it independent of the machine's word size.
pub fn below(rng: &mut impl Rng, n: u64) -> u64 {
    if n < 2 {
        return 0;
    }
    // The largest multiple of n that fits in a word.
    let limit = u64::MAX - u64::MAX % n;
    loop {
        let word = rng.next_u64();
        if word < limit {
            return word % n;
        }
    }
}

/// Draws a uniform number in `[0, 1)` with 24 random bits.
pub fn unit(rng: &mut impl Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1_u32 << 24) as f32
}

/// Draws a uniform number in `[low, high)`.
pub fn uniform(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * unit(rng)
}

/// Returns true with the given probability.
///
/// It always draws once, even for a probability of 0 or 1, to keep later draws unchanged.
pub fn chance(rng: &mut impl Rng, probability: f64) -> bool {
    let draw = rng.next_u64() >> 11;
    (draw as f64) < probability * (1_u64 << 53) as f64
}

/// Draws an approximately normal number with mean 0 and standard deviation 1: the sum of eight 16-bit uniform
/// numbers (Irwin–Hall; excess kurtosis -0.15, never beyond ±4.9).
///
/// Only integers are added, which gives the same bits on every platform, unlike logarithms and sines.
pub fn normal(rng: &mut impl Rng) -> f32 {
    let sum = sixteen_bit_sum(rng.next_u64()) + sixteen_bit_sum(rng.next_u64());
    // Each term has mean 65535 / 2 and variance (65536² - 1) / 12.
    (sum as i32 - 4 * 65_535) as f32 * (1.0 / 53_509.92)
}

/// Draws a number in (0, 1) from the symmetric beta distribution Beta(α, α).
///
/// Uses Jöhnk's rejection method, with logarithms to avoid underflow for a small `alpha`.
///
/// # Panics
///
/// If `alpha` is not above 0 and at most 1; beyond 1, rejection is inefficient.
///
/// # References
///
/// M. D. Jöhnk, "Erzeugung von betaverteilten und gammaverteilten
/// Zufallszahlen", Metrika 8, 1964.
///
/// # Examples
///
/// ```
/// use semivox_data::rng::{beta, keyed};
///
/// let share = beta(&mut keyed(1337, 0, "mixing"), 0.2);
/// assert!((0.0..=1.0).contains(&share));
/// ```
pub fn beta(rng: &mut impl Rng, alpha: f64) -> f64 {
    assert!(
        alpha > 0.0 && alpha <= 1.0,
        "alpha must be above 0 and at most 1, found {alpha}"
    );
    loop {
        // 1 - u is in (0, 1], whose logarithm is finite.
        let [x, y] = [0; 2].map(|_| f64::from(1.0 - unit(rng)).ln() / alpha);
        if x.exp() + y.exp() <= 1.0 {
            return 1.0 / (1.0 + (y - x).exp());
        }
    }
}

/// The sum of the four 16-bit parts of a word.
fn sixteen_bit_sum(word: u64) -> u32 {
    let pairs = (word & 0x0000_ffff_0000_ffff) + ((word >> 16) & 0x0000_ffff_0000_ffff);
    (pairs as u32) + (pairs >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_are_fixed() {
        // These values must never change, or runs could not be resumed.
        let mut rng = keyed(1337, 42, "crop");
        let words: [u64; 3] = std::array::from_fn(|_| rng.next_u64());
        assert_eq!(words, GOLDEN);
    }
    const GOLDEN: [u64; 3] = [
        13_594_494_770_232_655_717,
        13_241_531_677_184_752_567,
        12_421_513_424_874_364_174,
    ];

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let mut rng = keyed(1, 0, "normal");
        let draws: Vec<f64> = (0..200_000).map(|_| f64::from(normal(&mut rng))).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.01, "{variance}");
        let tail = draws.iter().filter(|x| x.abs() > 1.96).count() as f64 / draws.len() as f64;
        assert!((tail - 0.05).abs() < 0.005, "{tail}");
    }

    #[test]
    fn below_is_even_and_bounded() {
        let mut rng = keyed(2, 0, "below");
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7) as usize] += 1;
        }
        assert!(
            counts.iter().all(|&n| (9_600..10_400).contains(&n)),
            "{counts:?}"
        );
        assert_eq!(below(&mut rng, 0), 0);
        assert_eq!(below(&mut rng, 1), 0);
    }

    /// Mean 1/2, variance 1 / (4 (2α + 1)); Beta(1, 1) is uniform, small α concentrates at the ends.
    #[test]
    fn beta_has_the_moments_of_its_formula() {
        for alpha in [0.2, 0.5, 1.0] {
            let mut rng = keyed(4, 0, "beta");
            let draws: Vec<f64> = (0..40_000).map(|_| beta(&mut rng, alpha)).collect();
            assert!(draws.iter().all(|x| (0.0..=1.0).contains(x)));
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance =
                draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: {mean}");
            assert!((variance - expected).abs() < 0.004, "{alpha}: {variance}");
        }
        let mut rng = keyed(5, 0, "beta");
        let tiny: Vec<f64> = (0..100).map(|_| beta(&mut rng, 1e-4)).collect();
        assert!(tiny.iter().all(|x| x.min(1.0 - x) < 0.01));
    }

    #[test]
    fn chance_keeps_its_ends() {
        let mut rng = keyed(3, 0, "chance");
        assert!((0..1000).all(|_| chance(&mut rng, 1.0) && !chance(&mut rng, 0.0)));
        let hits = (0..10_000).filter(|_| chance(&mut rng, 0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
    }
}
