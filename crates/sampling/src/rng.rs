//! Random number generators keyed by seed, step and purpose.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Creates a generator from the run's seed, the step and the purpose.
///
/// The 32-byte ChaCha seed is four outputs of SplitMix64, started from the three keys, with `purpose`
/// as its FNV-1a hash. No state is carried from step to step: a run resumed at step `n` draws what an
/// uninterrupted run draws at step `n`, and data loaders can ask from any thread in any order.
///
/// `semivox-data` has its own generator, `rng::keyed`, with other streams: neither crate depends on the
/// other, and they share no draws.
///
/// # References
///
/// - D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008.
/// - G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
///   OOPSLA 2014.
///
/// # Examples
///
/// ```
/// use rand::RngExt;
/// use semivox_sampling::keyed_rng;
///
/// let first: u64 = keyed_rng(1337, 7, "patch").random();
/// assert_eq!(first, keyed_rng(1337, 7, "patch").random::<u64>());
/// assert_ne!(first, keyed_rng(1337, 8, "patch").random::<u64>());
/// assert_ne!(first, keyed_rng(1337, 7, "flip").random::<u64>());
/// ```
pub fn keyed_rng(seed: u64, step: u64, purpose: &str) -> ChaCha8Rng {
    let mut state = split_mix(split_mix(split_mix(seed) ^ step) ^ fnv1a(purpose));
    let mut bytes = [0u8; 32];
    for word in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(GOLDEN_GAMMA);
        word.copy_from_slice(&split_mix(state).to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64, a bijection of 64-bit words.
fn split_mix(word: u64) -> u64 {
    let word = word.wrapping_add(GOLDEN_GAMMA);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// The 64-bit FNV-1a hash of a text.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A uniformly random direction: a normalized Gaussian vector (Box–Muller).
pub(crate) fn unit_vector(length: usize, rng: &mut impl Rng) -> Vec<f32> {
    let mut uniform = || f64::from(rng.random::<u32>()) + 0.5;
    let scale = 1.0 / 4_294_967_296.0;
    let gaussian: Vec<f64> = (0..length)
        .map(|_| {
            let radius = (-2.0 * (uniform() * scale).ln()).sqrt();
            radius * (std::f64::consts::TAU * uniform() * scale).cos()
        })
        .collect();
    let norm = gaussian
        .iter()
        .map(|x| x * x)
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE);
    gaussian.iter().map(|x| (x / norm) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_has_its_published_values() {
        assert_eq!(fnv1a(""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv1a("a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn split_mix_has_its_published_values() {
        assert_eq!(split_mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(split_mix(GOLDEN_GAMMA), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn draws_never_change_between_releases() {
        let draw = |seed, step, purpose| keyed_rng(seed, step, purpose).random::<u64>();
        assert_eq!(
            [
                draw(0, 0, ""),
                draw(1337, 0, "labeled"),
                draw(1337, 1, "labeled")
            ],
            [
                17_005_027_356_207_766_670,
                16_106_370_348_601_141_199,
                13_794_907_013_330_792_206
            ]
        );
    }
}
