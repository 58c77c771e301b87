//! Fingerprints as text, in which they are stored.

use std::fmt;
use std::str::FromStr;

use super::{Channel, Fingerprint};
use crate::DataError;

/// Begins the text of a fingerprint; another number where another algorithm made the codes.
const VERSION: &str = "1:";

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(VERSION)?;
        for (
            i,
            Channel {
                exact,
                codes: [whole, inner],
            },
        ) in self.0.iter().enumerate()
        {
            let separator = if i == 0 { "" } else { "+" };
            write!(f, "{separator}{exact:032x}{whole:032x}{inner:032x}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let channel = |text: &str| {
            let part = |n: usize| u128::from_str_radix(text.get(32 * n..32 * (n + 1))?, 16).ok();
            let (exact, codes) = (part(0)?, [part(1)?, part(2)?]);
            (text.len() == 96).then_some(Channel { exact, codes })
        };
        let channels = text
            .strip_prefix(VERSION)
            .and_then(|channels| match channels {
                "" => Some(Vec::new()),
                _ => channels.split('+').map(channel).collect(),
            });
        channels.map(Self).ok_or_else(|| DataError::InvalidSetting {
            name: "the fingerprint of a scan",
            expected: format!(
                "{VERSION} and for each channel 96 hexadecimal digits, with + between channels"
            ),
            found: format!("`{text}`"),
        })
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(print: Fingerprint) -> Self {
        print.to_string()
    }
}
