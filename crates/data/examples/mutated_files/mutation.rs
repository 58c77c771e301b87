//! Changes of a file's bytes, drawn at random.

use semivox_data::rng::{below, keyed};

/// A changed copy: bits, cuts, pieces doubled or put in, and numbers at their limits.
pub(crate) fn mutated(sound: &[u8], seed: u64, trial: u64) -> Vec<u8> {
    const EXTREME: [&[u8]; 10] = [
        &[0xFF; 8],
        &[0; 8],
        &[0x7F, 0xFF, 0xFF, 0xFF],
        &[0xFF, 0xFF, 0xFF, 0x7F],
        &[0x7F, 0xFF],
        &[0xFF, 0x7F],
        &[0, 0, 0xC0, 0x7F],
        &[0xFF; 2],
        b"99999999999",
        b"-1",
    ];
    let mut rng = keyed(seed, trial, "mutation");
    let mut bytes = sound.to_vec();
    for _ in 0..=below(&mut rng, 3) {
        let length = bytes.len() as u64;
        // Headers are at the beginning of most formats.
        let end = if below(&mut rng, 2) == 0 {
            length.min(600)
        } else {
            length
        };
        let at = below(&mut rng, end.max(1)) as usize;
        let to = (at + 1 + below(&mut rng, 40) as usize).min(bytes.len());
        let at = at.min(to);
        match below(&mut rng, 6) {
            0 if at < to => bytes[at] ^= 1 << below(&mut rng, 8),
            1 => bytes.truncate(at),
            2 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => drop(bytes.drain(at..to)),
            4 => {
                let piece: Vec<u8> = (at..to).map(|_| below(&mut rng, 256) as u8).collect();
                bytes.splice(at..at, piece);
            }
            _ => {
                let value = EXTREME[below(&mut rng, EXTREME.len() as u64) as usize];
                let to = (at + value.len()).min(bytes.len());
                bytes.splice(at..to, value.iter().copied());
            }
        }
    }
    bytes
}
