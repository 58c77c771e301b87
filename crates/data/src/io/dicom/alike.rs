//! The check that the slices of a series are alike.

use std::path::Path;

use super::series::{name, wrong};
use super::slice::Slice;
use crate::DataError;
use crate::names::some_of;

/// The largest difference between directions of slices, by part.
const DIRECTION_TOLERANCE: f64 = 1e-4;

/// The largest difference between pixel spacings, as a part of them.
const SPACING_TOLERANCE: f64 = 1e-4;

/// Checks that all slices have one shape, pixel spacing and orientation.
pub(super) fn expect(folder: &Path, slices: &[Slice]) -> Result<(), DataError> {
    let first = &slices[0];
    let others = |differs: &dyn Fn(&Slice) -> bool| -> Option<String> {
        let names: Vec<String> = slices
            .iter()
            .filter(|slice| differs(slice))
            .map(|slice| name(&slice.path))
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "others than those of `{}` in {}",
                name(&first.path),
                some_of(&names)
            )
        })
    };
    let spacings = |slice: &Slice| slice.spacing.into_iter().zip(first.spacing);
    let parts = |slice: &Slice| slice.directions.into_iter().flatten();
    let turned = |slice: &Slice| {
        let mut pairs = parts(slice).zip(parts(first));
        pairs.any(|(a, b)| (a - b).abs() > DIRECTION_TOLERANCE)
    };
    let found = [
        (
            "numbers of rows and columns",
            others(&|slice| slice.size != first.size),
        ),
        (
            "pixel spacings",
            others(&|slice| spacings(slice).any(|(a, b)| (a - b).abs() > SPACING_TOLERANCE * b)),
        ),
        ("orientations", others(&turned)),
    ];
    for (what, found) in found {
        if let Some(found) = found {
            let hint = "put the slices that belong together into a folder of their own";
            let expected = "whose slices have one shape, pixel spacing and orientation";
            return Err(wrong(folder, expected, format!("{what} {found}"), hint));
        }
    }
    Ok(())
}
