//! Logits of one window, checked before they are added up.

use burn::prelude::*;
use burn::tensor::DType;
use ndarray::{ArrayView3, ArrayView4};

use crate::InferenceError;

/// Computes the logits of one window, `[1, class, x, y, z]`.
pub(super) fn infer(
    forward: impl Fn(Tensor<5>) -> Tensor<5>,
    window: &[ArrayView3<'_, f32>],
    device: &Device,
) -> TensorData {
    let (w, h, d) = window[0].dim();
    let mut values: Vec<f32> = Vec::with_capacity(window.len() * window[0].len());
    for row in window.iter().flat_map(|channel| channel.rows()) {
        match row.to_slice() {
            Some(row) => values.extend_from_slice(row),
            None => values.extend(row),
        }
    }
    let shape = [1, window.len(), w, h, d];
    let input = Tensor::<5>::from_data(TensorData::new(values, shape), device);
    forward(input).cast(DType::F32).into_data()
}

/// Returns the logits of one window as `[class, x, y, z]`, with as many classes as the windows before had.
pub(super) fn view(
    logits: &TensorData,
    classes: Option<usize>,
    window: [usize; 3],
) -> Result<ArrayView4<'_, f32>, InferenceError> {
    let found: [usize; 5] = logits.shape().dims();
    let [_, given, w, h, d] = found;
    let expected = [1, classes.unwrap_or(given), window[0], window[1], window[2]];
    if found != expected {
        return Err(InferenceError::unexpected(
            "the network's output",
            format!("logits {expected:?}, one for each class and voxel of the window"),
            format!("{found:?}"),
            "give a network whose output has the size of its input",
        ));
    }
    let values = logits.as_slice::<f32>();
    let values = values.expect("logits cast to single precision");
    Ok(ArrayView4::from_shape((given, w, h, d), values).expect("as many values as the shape has"))
}

/// Returns the error for logits of a window that are not finite; `start` is its first voxel.
pub(super) fn not_finite(start: [usize; 3]) -> InferenceError {
    InferenceError::unexpected(
        "the network's output",
        "finite numbers",
        format!("NaN or infinity in the window that starts at voxel {start:?}"),
        "check that scan and weights are finite, or try another device",
    )
}
