//! Rounding of sizes in millimeters to the digits that people write.

/// Rounds a positive number to some significant digits.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits - 1 - value.log10().floor() as i32);
    (value * scale).round() / scale
}

/// Returns the shortest decimal number for a voxel's side, within what counts as the same spacing: a header stores 0.625
/// in 32 bits, or as part of a rotation.
pub(crate) fn shortest(side: f64) -> f64 {
    let same = |other: &f64| (other / side - 1.0).abs() < 5e-7;
    let mut shorter = (1..=8).map(|digits| rounded(side, digits));
    shorter.find(same).unwrap_or(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_single_precision_are_dropped_and_others_kept() {
        for (side, expected) in [
            (f64::from(0.7_f32), 0.7),
            (0.625_000_059_6, 0.625),
            (0.468_75, 0.468_75),
            (0.004, 0.004),
            (250.0, 250.0),
            (2.236_067_977, 2.236_068),
        ] {
            assert_eq!(shortest(side), expected, "{side}");
        }
    }
}
