//! The forms of an affine for a NIfTI header.

use super::affine::qform;
use crate::Geometry;
use crate::geometry::inverse3;
use crate::source_header::NiftiForms;

/// The distance of corner voxels, in voxels, up to which a rotation stands for an affine with shear.
const ROUNDING: f64 = 0.1;

/// Both forms of an affine in millimeters, for a volume of this shape.
///
/// The qform is left out if it would place a corner elsewhere than the sform: it has no shear, and a rotation
/// near 180° loses digits in 32 bits. Shear from rounding is left out of it, because ITK reads no file whose only
/// form has any.
pub(super) fn forms_of(geometry: &Geometry, shape: [usize; 3]) -> NiftiForms {
    let ([b, c, d], handedness) = quaternion(geometry);
    let [x, y, z] = geometry.spacing();
    let mut forms = NiftiForms {
        units: 2,
        pixdim: [handedness, x, y, z],
        qform_code: 1,
        sform_code: 1,
        quaternion: [b, c, d].map(|part| f64::from(part as f32)),
        offset: geometry.position([0.0; 3]),
        sform: std::array::from_fn(|row| geometry.affine[row]),
    };
    // Also false for what is not a number.
    let close = geometry.corner_distance(&qform(&forms, 3), shape) <= ROUNDING;
    if !close {
        (forms.qform_code, forms.quaternion) = (0, [0.0; 3]);
    }
    forms
}

/// The quaternion `(b, c, d)` of the rotation nearest to an affine, and its handedness.
fn quaternion(geometry: &Geometry) -> ([f64; 3], f64) {
    let spacing = geometry.spacing();
    let handedness = geometry.determinant().signum();
    let mut rotation = Geometry::default();
    for row in 0..3 {
        for (axis, sign) in [1.0, 1.0, handedness].into_iter().enumerate() {
            rotation.affine[row][axis] = sign * geometry.affine[row][axis] / spacing[axis];
        }
    }
    // Newton's iteration to the orthogonal part: the mean with the inverse transpose, until nothing changes.
    for _ in 0..20 {
        let Some(inverse) = inverse3(&rotation.affine) else {
            break;
        };
        for (row, entries) in rotation.affine[..3].iter_mut().enumerate() {
            let others = inverse.map(|column| column[row]);
            for (entry, other) in entries.iter_mut().zip(others) {
                *entry = (*entry + other) / 2.0;
            }
        }
    }
    let [x, y, z, _] = rotation.affine;
    let rows = [x, y, z].map(|row| [row[0], row[1], row[2]]);
    (rotation_to_quaternion(&rows), handedness)
}

/// `(b, c, d)` of the unit quaternion with `a >= 0`, computed from its largest component.
fn rotation_to_quaternion(r: &[[f64; 3]; 3]) -> [f64; 3] {
    // Four times the squares of a, b, c, d.
    let squares = [
        1.0 + r[0][0] + r[1][1] + r[2][2],
        1.0 + r[0][0] - r[1][1] - r[2][2],
        1.0 - r[0][0] + r[1][1] - r[2][2],
        1.0 - r[0][0] - r[1][1] + r[2][2],
    ];
    let largest = (0..4).fold(
        0,
        |best, i| if squares[i] > squares[best] { i } else { best },
    );
    let (ba, ca, da) = (r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]);
    let (bc, bd, cd) = (r[0][1] + r[1][0], r[0][2] + r[2][0], r[1][2] + r[2][1]);
    // The row of 4·q·qᵀ with the largest entry.
    let row = [
        [squares[0], ba, ca, da],
        [ba, squares[1], bc, bd],
        [ca, bc, squares[2], cd],
        [da, bd, cd, squares[3]],
    ][largest];
    let scale = 0.5 / squares[largest].sqrt() * if row[0] < 0.0 { -1.0 } else { 1.0 };
    [row[1] * scale, row[2] * scale, row[3] * scale]
}
