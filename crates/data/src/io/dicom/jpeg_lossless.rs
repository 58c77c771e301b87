//! JPEG's lossless process (ITU-T T.81, annex H), for images of one channel.
//!
//! The decoder is our own because that of jpeg-decoder 0.3.2 reads restart intervals and point transforms wrongly.

use super::huffman::{Bits, Table};

/// Parameters of the coded samples, from the segments before them.
#[derive(Default)]
struct Coding {
    precision: u8,
    size: [usize; 2],
    tables: [Option<Table>; 4],
    /// Number of samples between restarts; 0 without restarts.
    restart: usize,
}

/// Decompresses an image of this width and height to samples of at most 16 bits, or says what was wrong.
pub(super) fn decode(bytes: &[u8], size: [usize; 2]) -> Result<Vec<u16>, String> {
    let mut coding = Coding::default();
    let mut rest = bytes
        .strip_prefix(&[0xFF, 0xD8])
        .ok_or("JPEG data without their first marker")?;
    loop {
        let (marker, after) = marker(rest)?;
        let length = after.first_chunk::<2>().ok_or(SHORT)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let segment = after.get(2..length).ok_or(SHORT)?;
        rest = &after[length..];
        match marker {
            0xC3 => coding.frame(segment)?,
            0xC4 => coding.tables(segment)?,
            0xC0..=0xC2 | 0xC5..=0xC7 | 0xC9..=0xCF => {
                return Err("JPEG of another process than lossless Huffman".into());
            }
            0xDD => {
                let number = segment.first_chunk::<2>().ok_or(SHORT)?;
                coding.restart = u16::from_be_bytes(*number).into();
            }
            0xDA if coding.size != size => {
                let [x, y] = coding.size;
                return Err(format!("JPEG data of {x}×{y} pixels"));
            }
            0xDA => return coding.scan(segment, rest),
            _ => {}
        }
    }
}

const SHORT: &str = "JPEG data that end too early";

/// The next marker, and what follows it.
fn marker(bytes: &[u8]) -> Result<(u8, &[u8]), String> {
    match bytes {
        [0xFF, 0xFF, ..] => marker(&bytes[1..]),
        [0xFF, marker, rest @ ..] => Ok((*marker, rest)),
        _ => Err("JPEG data without a marker where one belongs".into()),
    }
}

impl Coding {
    fn frame(&mut self, segment: &[u8]) -> Result<(), String> {
        let &[precision, y1, y0, x1, x0, 1, ..] = segment else {
            return Err("JPEG data of several channels".into());
        };
        self.precision = precision;
        self.size = [[x1, x0], [y1, y0]].map(|side| u16::from_be_bytes(side).into());
        match precision {
            2..=16 => Ok(()),
            _ => Err(format!("JPEG samples of {precision} bits")),
        }
    }

    fn tables(&mut self, mut segment: &[u8]) -> Result<(), String> {
        while let [head, rest @ ..] = segment {
            let (table, used) = Table::read(rest).ok_or("a damaged table of JPEG data")?;
            if let Some(place) = self.tables.get_mut(usize::from(*head)) {
                *place = Some(table);
            }
            segment = &rest[used..];
        }
        Ok(())
    }

    /// Decodes the samples.
    fn scan(&self, segment: &[u8], bytes: &[u8]) -> Result<Vec<u16>, String> {
        let &[1, _, table, predictor, _, shift, ..] = segment else {
            return Err("JPEG data in several scans".into());
        };
        let [width, height] = self.size;
        let table = self.tables.get(usize::from(table >> 4));
        let table = table
            .and_then(Option::as_ref)
            .ok_or("JPEG data without the table of their codes")?;
        let shift = shift & 15;
        if !(1..=7).contains(&predictor) || shift >= self.precision {
            return Err(format!(
                "JPEG data of predictor {predictor}, shifted by {shift} bits"
            ));
        }
        if !self.restart.is_multiple_of(width) {
            return Err("JPEG data that restart within a line".into());
        }
        // Every sample takes a bit or more.
        if width * height > bytes.len().saturating_mul(8) {
            return Err(SHORT.into());
        }
        let lines = Lines {
            width,
            predictor,
            middle: 1 << (self.precision - shift - 1),
            restart: self.restart / width,
        };
        let mut samples = vec![0; width * height];
        lines.fill(&mut samples, table, Bits::new(bytes))?;
        samples.iter_mut().for_each(|sample| *sample <<= shift);
        Ok(samples)
    }
}

/// Prediction of samples, line by line.
struct Lines {
    width: usize,
    predictor: u8,
    /// The prediction of the first sample.
    middle: u16,
    /// Number of lines between restarts; 0 without restarts.
    restart: usize,
}

impl Lines {
    fn fill(&self, samples: &mut [u16], table: &Table, mut bits: Bits<'_>) -> Result<(), String> {
        for line in 0..samples.len() / self.width {
            let restarts = line > 0 && self.restart > 0 && line.is_multiple_of(self.restart);
            if restarts {
                bits.restart()?;
            }
            let first = line == 0 || restarts;
            let (above, current) = samples.split_at_mut(line * self.width);
            let above = above.rchunks(self.width).next().filter(|_| !first);
            for x in 0..self.width {
                let prediction = self.prediction(above, &current[..x]);
                current[x] = prediction.wrapping_add(table.difference(&mut bits)?);
            }
        }
        match bits.overrun() {
            true => Err(SHORT.into()),
            false => Ok(()),
        }
    }

    /// The prediction of the sample after those `before` it in its line, below the line `above`.
    fn prediction(&self, above: Option<&[u16]>, before: &[u16]) -> u16 {
        let x = before.len();
        let (above, left) = match (above, before.last()) {
            (None, None) => return self.middle,
            (None, Some(&left)) => return left,
            (Some(above), None) => return above[0],
            (Some(above), Some(&left)) => (above, left),
        };
        let [a, b, c] = [left, above[x], above[x - 1]].map(i32::from);
        let prediction = match self.predictor {
            1 => a,
            2 => b,
            3 => c,
            4 => a + b - c,
            5 => a + ((b - c) >> 1),
            6 => b + ((a - c) >> 1),
            _ => (a + b) >> 1,
        };
        // Modulo 65536, as the standard has it.
        prediction as u16
    }
}

#[cfg(test)]
mod tests;
