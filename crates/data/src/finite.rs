//! Search for voxels that are NaN or infinite.

use ndarray::Array3;
use rayon::prelude::*;

use crate::{DataError, Volume};

/// Returns the number of voxels that are not finite and the index `[x, y, z]` of the first one, or `None` if there are none.
pub(crate) fn not_finite(data: &Array3<f32>) -> Option<(usize, [usize; 3])> {
    let finite = |values: &[f32]| {
        values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
    };
    if data
        .as_slice()
        .is_some_and(|values| values.par_chunks(1 << 16).all(finite))
    {
        return None;
    }
    let mut wrong = data
        .indexed_iter()
        .filter(|(_, value)| !value.is_finite())
        .map(|(index, _)| index.into());
    let first = wrong.next()?;
    Some((1 + wrong.count(), first))
}

/// Returns an error for the first channel with a voxel that is not finite.
pub(crate) fn check_finite(channels: &[Volume]) -> Result<(), DataError> {
    for (channel, volume) in (1..).zip(channels) {
        if let Some((count, first)) = not_finite(&volume.data) {
            return Err(DataError::NonFiniteChannel {
                channel,
                count,
                first,
            });
        }
    }
    Ok(())
}
