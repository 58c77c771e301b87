//! Formatting of sizes, numbers and paths for printed text.

use std::path::Path;

use semivox_data::preprocess::Preprocess;

/// Formats a shape in voxels, as in `64×64×32`.
pub(super) fn shape(sides: [usize; 3]) -> String {
    sides.map(|n| n.to_string()).join("×")
}

/// Formats a path for a shell: as it is, or in quotes if it has characters that a shell takes otherwise.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@%,=".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Formats voxel spacing, as in `0.5×0.5×3`.
pub(super) fn spacing(sides: [f64; 3]) -> String {
    sides.map(short).join("×")
}

/// Formats a number of labeled cases, with the number of patients that they are of where that is another one.
pub(super) fn labeled(cases: usize, patients: usize) -> String {
    match (cases == patients, patients) {
        (true, _) => format!("{cases} labeled"),
        (false, 1) => format!("{cases} labeled of 1 patient"),
        (false, _) => format!("{cases} labeled of {patients} patients"),
    }
}

/// Describes the voxel grid that the network works on.
pub(super) fn grid(preprocess: &Preprocess) -> String {
    match (preprocess.spacing_mm, preprocess.slice_size) {
        (Some(sides), _) => format!("voxels of {} mm", spacing(sides)),
        (_, Some([x, y])) => format!("slices of {x}×{y} voxels"),
        _ => "original voxels".into(),
    }
}

/// Describes the normalization of intensities, of each channel where they differ.
pub(super) fn intensities(preprocess: &Preprocess) -> String {
    let each = &preprocess.channel_intensity;
    let of_each: Vec<String> = each.iter().map(ToString::to_string).collect();
    match each.is_empty() {
        true => preprocess.intensity.to_string(),
        false => of_each.join("; "),
    }
}

/// Formats a number with about three significant digits.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 || v == 0.0 => 2,
        v => (2 - v.log10().floor() as i64).clamp(2, 12) as usize,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// Returns minimum, upper median and maximum of some values, of which there must be at least one.
pub(super) fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let found = [0.468_75, 1.256, 12.34, -1024.0, 0.0, 300.0, 0.004].map(short);
        let expected = ["0.469", "1.26", "12.3", "-1024", "0", "300", "0.004"];
        assert_eq!(found, expected);
        assert_eq!(quantiles(vec![3.0, 1.0, 2.0, 9.0]), [1.0, 3.0, 9.0]);
        assert_eq!(spacing([0.5, 0.5, 3.0]), "0.5×0.5×3");
        let texts = [(8, 8), (16, 8), (2, 1)].map(|(cases, patients)| labeled(cases, patients));
        let expected = [
            "8 labeled",
            "16 labeled of 8 patients",
            "2 labeled of 1 patient",
        ];
        assert_eq!(texts, expected);
    }
}
