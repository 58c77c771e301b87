//! The label budget: how many training cases keep their labels.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::DataError;

/// Valid values, for messages.
const EXPECTED: &str =
    "a number of cases such as 8, or a percentage above 0 and up to 100 such as \"10%\"";

/// The label budget: how many training cases keep their labels, as a number or a percentage.
///
/// Cases of one of the [`Patients`](crate::Patients) count as one, since they keep or lose their labels together. Written as `8` or `"10%"`, both in settings and on the command line.
///
/// # Examples
///
/// ```
/// use semivox_data::LabelBudget;
///
/// let part: LabelBudget = "10%".parse()?;
/// assert_eq!((part, part.count_of(80)), (LabelBudget::Percent(10.0), 8));
/// assert_eq!(LabelBudget::from(8).to_string(), "8");
/// assert!("ten".parse::<LabelBudget>().is_err());
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelBudget {
    /// A number of cases.
    Count(usize),
    /// A percentage of the labeled cases.
    Percent(f64),
}

impl LabelBudget {
    /// The number of cases out of `total`: a percentage is rounded to the nearest integer, halves upward, and
    /// is at least 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::LabelBudget;
    ///
    /// // Common percentages of ACDC's 70 training patients.
    /// let counts = [1.25, 2.5, 10.0].map(|part| LabelBudget::Percent(part).count_of(70));
    /// assert_eq!(counts, [1, 2, 7]);
    /// ```
    pub fn count_of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => ((percent * total as f64 / 100.0).round() as usize).max(1),
        }
    }
}

impl From<usize> for LabelBudget {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl fmt::Display for LabelBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for LabelBudget {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let value = text.trim();
        let parsed = match value.strip_suffix('%') {
            None => value.parse().ok().map(Self::Count),
            Some(number) => number
                .trim_end()
                .parse()
                .ok()
                .filter(|percent| *percent > 0.0 && *percent <= 100.0)
                .map(Self::Percent),
        };
        parsed.ok_or_else(|| DataError::InvalidSetting {
            name: "the label budget",
            expected: EXPECTED.into(),
            found: format!("`{text}`"),
        })
    }
}

impl Serialize for LabelBudget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => count.serialize(serializer),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for LabelBudget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText)
    }
}

/// Visitor that accepts both forms.
struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = LabelBudget;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<LabelBudget, E> {
        let count = usize::try_from(number);
        let wrong = |_| E::invalid_value(de::Unexpected::Unsigned(number), &self);
        count.map(LabelBudget::Count).map_err(wrong)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<LabelBudget, E> {
        let wrong = |_| E::invalid_value(de::Unexpected::Signed(number), &self);
        usize::try_from(number)
            .map(LabelBudget::Count)
            .map_err(wrong)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LabelBudget, E> {
        text.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn percentages_are_rounded_and_at_least_one() {
        let of = |percent, total| LabelBudget::Percent(percent).count_of(total);
        assert_eq!([of(10.0, 80), of(20.0, 62), of(5.0, 80)], [8, 12, 4]);
        assert_eq!([of(2.5, 100), of(2.4, 100), of(0.1, 100)], [3, 2, 1]);
        assert_eq!([of(100.0, 7), of(1.0, 1)], [7, 1]);
        assert_eq!(LabelBudget::Count(90).count_of(80), 90);
    }

    #[test]
    fn text_goes_both_ways() {
        for text in ["0", "8", "10%", "1.25%", "100%"] {
            let labeled: LabelBudget = text.parse().unwrap();
            assert_eq!(labeled.to_string(), text);
            let json = serde_json::to_string(&labeled).unwrap();
            let quoted = text.contains('%');
            assert_eq!(
                json,
                if quoted {
                    format!("\"{text}\"")
                } else {
                    text.into()
                }
            );
            assert_eq!(serde_json::from_str::<LabelBudget>(&json).unwrap(), labeled);
        }
        assert_eq!(
            " 2.5 % ".parse::<LabelBudget>().unwrap(),
            LabelBudget::Percent(2.5)
        );
        assert_eq!(
            serde_json::from_str::<LabelBudget>("\"8\"").unwrap(),
            8.into()
        );
    }

    #[test]
    fn everything_else_is_refused_with_an_example() {
        for text in [
            "", "-1", "1.5", "ten", "0%", "101%", "NaN%", "inf%", "%", "-5%",
        ] {
            let message = text.parse::<LabelBudget>().unwrap_err().to_string();
            assert!(message.contains(&format!("`{text}`")) && message.contains("10%"));
        }
        for json in ["-1", "1.5", "true", "\"0%\"", "[8]"] {
            let message = serde_json::from_str::<LabelBudget>(json)
                .unwrap_err()
                .to_string();
            assert!(message.contains("10%"), "{json}: {message}");
        }
    }
}
