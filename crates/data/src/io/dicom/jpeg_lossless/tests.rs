//! Comparison with a plain encoder.

#![allow(clippy::unwrap_used)]

use super::*;

/// Bits in writing.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: Vec<bool>,
}

impl Writer {
    fn push(&mut self, value: u32, count: u32) {
        self.bits
            .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    /// Writes the bits, padded by ones, with a zero after each byte of 255.
    fn flush(&mut self) {
        for bits in std::mem::take(&mut self.bits).chunks(8) {
            let bit = |at: usize| bits.get(at).is_none_or(|&bit| bit);
            let byte = (0..8).fold(0, |byte, at| byte << 1 | u8::from(bit(at)));
            self.bytes.push(byte);
            if byte == 255 {
                self.bytes.push(0);
            }
        }
    }
}

/// Codes samples as the standard describes it, with codes of five bits; `restart` counts lines.
fn encode(
    samples: &[u16],
    [w, h]: [usize; 2],
    predictor: u8,
    shift: u8,
    restart: usize,
) -> Vec<u8> {
    let (w16, h16) = ((w as u16).to_be_bytes(), (h as u16).to_be_bytes());
    let mut header = vec![0xFF, 0xD8, 0xFF, 0xC4, 0, 36, 0];
    header.extend([0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.extend(0..17);
    header.extend([
        0xFF, 0xC3, 0, 11, 16, h16[0], h16[1], w16[0], w16[1], 1, 1, 0x11, 0,
    ]);
    let interval = ((restart * w) as u16).to_be_bytes();
    header.extend([0xFF, 0xDD, 0, 4, interval[0], interval[1]]);
    header.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, predictor, 0, shift]);
    let mut out = Writer {
        bytes: header,
        ..Writer::default()
    };
    let at = |x: usize, y: usize| i32::from(samples[y * w + x] >> shift);
    for y in 0..h {
        let begins = y == 0 || restart > 0 && y % restart == 0;
        if y > 0 && begins {
            out.flush();
            out.bytes
                .extend([0xFF, 0xD0 + ((y / restart - 1) % 8) as u8]);
        }
        for x in 0..w {
            let prediction = match (x, begins) {
                (0, true) => 1 << (15 - shift),
                (_, true) => at(x - 1, y),
                (0, false) => at(0, y - 1),
                _ => {
                    let (a, b, c) = (at(x - 1, y), at(x, y - 1), at(x - 1, y - 1));
                    [
                        a,
                        b,
                        c,
                        a + b - c,
                        a + ((b - c) >> 1),
                        b + ((a - c) >> 1),
                        (a + b) >> 1,
                    ][usize::from(predictor) - 1]
                }
            };
            let difference = i32::from((at(x, y) - prediction) as i16);
            let size = 32 - difference.unsigned_abs().leading_zeros();
            out.push(size, 5);
            let low = difference - i32::from(difference < 0);
            if size < 16 {
                out.push(low as u32 & ((1 << size) - 1), size);
            }
        }
    }
    out.flush();
    [out.bytes, vec![0xFF, 0xD9]].concat()
}

/// Samples over the whole range, smooth and not.
fn samples(count: usize, shift: u8) -> Vec<u16> {
    let wild = (0..count as u32).map(|i| (i * i * 40_503 + i * 977) as u16);
    let mut all: Vec<u16> = wild.collect();
    (0..count / 2).for_each(|i| all[i] = 30_000 + 3 * i as u16);
    all[count - 1] = all[count - 2].wrapping_add(1 << 15);
    all.iter().map(|sample| sample >> shift << shift).collect()
}

#[test]
fn every_predictor_shift_and_restart_comes_back() {
    let size = [9, 12];
    for predictor in 1..=7 {
        for (shift, restart) in [(0, 0), (3, 0), (0, 1), (2, 5)] {
            let samples = samples(9 * 12, shift);
            let bytes = encode(&samples, size, predictor, shift, restart);
            let found = decode(&bytes, size).unwrap();
            assert_eq!(found, samples, "{predictor} {shift} {restart}");
        }
    }
}

#[test]
fn damage_is_an_error_or_other_samples_but_no_panic() {
    let size = [9, 12];
    let sound = encode(&samples(9 * 12, 0), size, 6, 0, 5);
    for at in 0..sound.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut bytes = sound.clone();
            bytes[at] ^= flip;
            let _ = decode(&bytes, size);
        }
        if at + 3 < sound.len() {
            assert!(decode(&sound[..at], size).is_err(), "{at}");
        }
    }
    assert!(decode(&sound, [12, 9]).unwrap_err().contains("9×12"));
}
