//! Still pictures of a case's slices.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};

use super::CasePicture;
use super::planes::Plane;
use crate::ReportError;

/// Maximum number of pixels along the longer side of an embedded slice.
const LONGEST_SIDE: usize = 320;
/// Approximate number of voxels sampled for the intensity window, at most twice this.
const SAMPLES: usize = 1 << 18;

/// Checks that the arrays of a case have one shape and that its spacing is positive.
pub(super) fn check(picture: &CasePicture) -> Result<(), ReportError> {
    let shape = picture.image.dim();
    let refuse = |expected, found: String| {
        Err(ReportError::Picture {
            id: picture.id.clone(),
            expected,
            found,
        })
    };
    if picture.image.is_empty() {
        return refuse("an image of at least one voxel", format!("{shape:?}"));
    }
    for labels in [&picture.reference, &picture.prediction] {
        if labels.dim() != shape {
            let found = format!("image {shape:?} and labels {:?}", labels.dim());
            return refuse("labels of the image's shape", found);
        }
    }
    for channel in &picture.other_channels {
        if channel.image.dim() != shape {
            let found = format!(
                "{shape:?} and, of {}, {:?}",
                channel.name,
                channel.image.dim()
            );
            return refuse("channels of one shape", found);
        }
    }
    let spacing = picture.geometry.spacing();
    if !spacing.iter().all(|s| s.is_finite() && *s > 0.0) {
        return refuse("a positive spacing in mm", format!("{spacing:?}"));
    }
    Ok(())
}

/// Returns one slice of an array as rows (top first) and columns.
pub(super) fn cut<T: Copy>(array: ArrayView3<'_, T>, plane: &Plane, index: usize) -> Array2<T> {
    let (across, down) = (plane.across, plane.down);
    let slice = array.index_axis_move(Axis(plane.axis), index);
    let mut rows = match down.axis < across.axis {
        true => slice,
        false => slice.reversed_axes(),
    };
    for (axis, along) in [down, across].into_iter().enumerate() {
        if along.reversed {
            rows.invert_axis(Axis(axis));
        }
    }
    rows.to_owned()
}

/// Returns the indices of the slices shown first: the median voxel of the reference along every axis, of the
/// prediction if the reference is empty, else the middle of the volume.
pub(super) fn middle(reference: ArrayView3<'_, u8>, prediction: ArrayView3<'_, u8>) -> [usize; 3] {
    let shape = reference.shape();
    let object = [reference, prediction]
        .into_iter()
        .find(|labels| labels.iter().any(|&label| label > 0));
    [0, 1, 2].map(|axis| match object {
        Some(labels) => median_plane(labels, axis),
        None => shape[axis] / 2,
    })
}

fn median_plane(labels: ArrayView3<'_, u8>, axis: usize) -> usize {
    let area = |plane: ArrayView2<'_, u8>| plane.iter().filter(|&&label| label > 0).count();
    let areas: Vec<usize> = labels.axis_iter(Axis(axis)).map(area).collect();
    let half = areas.iter().sum::<usize>().div_ceil(2);
    let mut seen = 0;
    let reached = |area: &usize| {
        seen += area;
        seen >= half
    };
    areas.iter().position(reached).unwrap_or(0)
}

/// Estimates percentiles, given as fractions, of the finite intensities from a sample of
/// voxels; 0 and 1 if none is finite.
pub(super) fn percentiles(image: ArrayView3<'_, f32>, shares: [f64; 2]) -> [f32; 2] {
    // Odd: an even stride could stay at few indices of an axis whose length is even.
    let stride = (image.len() / SAMPLES).max(1) | 1;
    let mut values: Vec<f32> = image
        .iter()
        .copied()
        .step_by(stride)
        .filter(|value| value.is_finite())
        .collect();
    values.sort_unstable_by(f32::total_cmp);
    match values.len().checked_sub(1) {
        Some(last) => shares.map(|share| values[(share * last as f64).round() as usize]),
        None => [0.0, 1.0],
    }
}

/// Encodes a slice in gray as a PNG in a `data:` URL.
pub(super) fn picture_address(plane: ArrayView2<'_, f32>, window: [f32; 2]) -> String {
    let small = shrink(plane, LONGEST_SIDE);
    let scale = 255.0 / (window[1] - window[0]).max(f32::MIN_POSITIVE);
    let gray: Vec<u8> = small
        .iter()
        .map(|value| ((value - window[0]) * scale).clamp(0.0, 255.0) as u8)
        .collect();
    let (rows, columns) = small.dim();
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, columns as u32, rows as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_filter(Filter::Adaptive);
    encoder.set_deflate_compression(DeflateCompression::Level(9));
    let encoded = (encoder.write_header()).and_then(|mut png| png.write_image_data(&gray));
    debug_assert!(encoded.is_ok(), "encoding to memory does not fail");
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))
}

/// Averages blocks of pixels until no side is longer than `longest`.
fn shrink(plane: ArrayView2<'_, f32>, longest: usize) -> Array2<f32> {
    let (rows, columns) = plane.dim();
    let factor = rows.max(columns).div_ceil(longest);
    if factor == 1 {
        return plane.to_owned();
    }
    let (down, across) = (rows.div_ceil(factor), columns.div_ceil(factor));
    let span = |i: usize, of: usize, full: usize| i * full / of..((i + 1) * full / of);
    Array2::from_shape_fn((down, across), |(row, column)| {
        let (r, c) = (span(row, down, rows), span(column, across, columns));
        let block = plane.slice(ndarray::s![r, c]);
        block.sum() / block.len() as f32
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::Array3;
    use semivox_data::Geometry;

    use super::*;
    use crate::planes::planes;

    fn picture() -> CasePicture {
        let mut reference = Array3::zeros((4, 5, 6));
        reference[[1, 2, 3]] = 1;
        reference[[1, 2, 4]] = 1;
        CasePicture {
            id: "case".into(),
            caption: String::new(),
            image: Array3::from_shape_fn((4, 5, 6), |(x, y, z)| (x * 100 + y * 10 + z) as f32),
            other_channels: Vec::new(),
            prediction: Array3::zeros((4, 5, 6)),
            reference,
            geometry: Geometry::default(),
        }
    }

    #[test]
    fn planes_are_turned_upright() {
        let image = picture().image;
        let [axial, coronal, sagittal] = planes(&Geometry::default());
        let slice = cut(image.view(), &axial, 5);
        assert_eq!(slice.dim(), (5, 4));
        assert_eq!(slice[[0, 1]], 105.0); // x to the right, y downwards
        assert_eq!(cut(image.view(), &coronal, 2)[[5, 3]], 320.0); // z upwards
        assert_eq!(cut(image.view(), &sagittal, 1)[[0, 4]], 145.0);
        let shifted = Geometry::default().translated([1.0; 3]);
        let [axial, ..] = planes(&shifted);
        assert_eq!(cut(image.view(), &axial, 5)[[0, 0]], 345.0); // right and front first
    }

    #[test]
    fn the_cut_goes_through_the_object() {
        let case = picture();
        let (some, none) = (case.reference.view(), case.prediction.view());
        assert_eq!(middle(some, none), [1, 2, 3]);
        assert_eq!(middle(none, some), [1, 2, 3]);
        assert_eq!(middle(none, none), [2, 2, 3]);
    }

    #[test]
    fn odd_images_get_a_window_and_a_picture() {
        let window = |value| percentiles(Array3::from_elem((2, 2, 2), value).view(), [0.01, 0.99]);
        assert_eq!(window(3.0), [3.0, 3.0]);
        assert_eq!(window(f32::NAN), [0.0, 1.0]);
        let constant = Array2::from_elem((2, 3), f32::NAN);
        assert!(
            picture_address(constant.view(), [3.0, 3.0]).starts_with("data:image/png;base64,iVBOR")
        );
        let big = Array2::from_shape_fn((7, 4), |(r, _)| r as f32);
        let small = shrink(big.view(), 3);
        assert_eq!(small.dim(), (3, 2));
        assert!(small[[0, 0]] < small[[2, 1]]);
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused() {
        let mut case = picture();
        check(&case).unwrap();
        case.geometry.affine[1][1] = 0.0;
        assert!(check(&case).unwrap_err().to_string().contains("spacing"));
        case.prediction = Array3::zeros((1, 1, 1));
        let message = check(&case).unwrap_err().to_string();
        assert!(message.contains("(4, 5, 6)") && message.contains("(1, 1, 1)"));
        case.image = Array3::zeros((0, 5, 6));
        assert!(check(&case).is_err());
    }
}
