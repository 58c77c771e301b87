//! Huffman codes of JPEG data.

/// Length and symbol of the code that any 16 bits start with.
pub(super) struct Table(Vec<(u8, u8)>);

impl Table {
    /// Reads a table, and the number of its bytes; `None` if it is damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (counts, symbols) = bytes.split_first_chunk::<16>()?;
        let mut codes = vec![(0, 0); 1 << 16];
        let (mut used, mut code) = (0, 0);
        for (length, &count) in (1..).zip(counts) {
            for _ in 0..count {
                let symbol = *symbols.get(used)?;
                let span = 1 << (16 - length);
                codes
                    .get_mut(code..code + span)?
                    .fill((length as u8, symbol));
                code += span;
                used += 1;
            }
        }
        Some((Self(codes), 16 + used))
    }

    /// The next difference of a sample to its prediction, modulo 65536.
    pub(super) fn difference(&self, bits: &mut Bits<'_>) -> Result<u16, String> {
        let (length, symbol) = self.0[usize::from(bits.peek())];
        bits.drop(length.into());
        match (length, symbol) {
            (0, _) | (_, 17..) => Err("a code that is not in the table of the JPEG data".into()),
            (_, 0) => Ok(0),
            (_, 16) => Ok(1 << 15),
            _ => {
                let count = u32::from(symbol);
                let value = bits.peek() >> (16 - count);
                bits.drop(count);
                // Values whose first bit is 0 are negative.
                Ok(match value >> (count - 1) {
                    0 => value.wrapping_sub((1 << count) - 1),
                    _ => value,
                })
            }
        }
    }
}

/// Bits of coded data, up to the next marker.
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    held: u64,
    count: u32,
    /// Number of bits held that are not in the data.
    made_up: u32,
    overrun: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            held: 0,
            count: 0,
            made_up: 0,
            overrun: false,
        }
    }

    /// The next 16 bits; after the end of the data they are 0.
    fn peek(&mut self) -> u16 {
        while self.count < 16 {
            let byte = match self.rest {
                // A zero follows where 255 is no marker.
                [0xFF, 0, rest @ ..] => {
                    self.rest = rest;
                    0xFF
                }
                [byte, rest @ ..] if *byte != 0xFF => {
                    self.rest = rest;
                    *byte
                }
                _ => {
                    self.made_up += 8;
                    0
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
        (self.held >> (self.count - 16)) as u16
    }

    fn drop(&mut self, count: u32) {
        self.count -= count;
        if self.count < self.made_up {
            self.overrun = true;
            self.made_up = self.count;
        }
    }

    /// Whether more bits were taken than there are.
    pub(super) fn overrun(&self) -> bool {
        self.overrun
    }

    /// Goes on after a restart marker, which must be next.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        match self.rest {
            [0xFF, 0xD0..=0xD7, rest @ ..] if self.count < self.made_up + 8 => {
                let overrun = self.overrun;
                *self = Self::new(rest);
                self.overrun = overrun;
                Ok(())
            }
            _ => Err("JPEG data without a restart where one belongs".into()),
        }
    }
}
