//! Affines in NIfTI headers, as a matrix (sform) or a rotation (qform).

use std::path::Path;

use nifti::NiftiHeader;

use crate::{DataError, Geometry};

/// The affine of a header in millimeters, from the sform, else the qform, else the voxel sizes.
pub(super) fn from_header(path: &Path, header: &NiftiHeader) -> Result<Geometry, DataError> {
    let mut geometry = if header.sform_code > 0 {
        sform(header)
    } else if header.qform_code > 0 {
        qform(header)
    } else {
        Geometry::from_spacing(sizes(header))
    };
    let scale = millimeters_per_unit(header);
    geometry.affine[..3]
        .iter_mut()
        .flatten()
        .for_each(|entry| *entry *= scale);
    let determinant = geometry.determinant();
    let origin = geometry.position([0.0; 3]);
    if determinant.is_normal() && origin.iter().all(|v| v.is_finite()) {
        return Ok(geometry);
    }
    Err(DataError::unexpected(
        path,
        "an affine with voxels of nonzero volume",
        format!("rows {:?}", &geometry.affine[..3]),
        "correct the header",
    ))
}

fn sform(header: &NiftiHeader) -> Geometry {
    let mut geometry = Geometry::default();
    for (row, stored) in
        geometry
            .affine
            .iter_mut()
            .zip([header.srow_x, header.srow_y, header.srow_z])
    {
        *row = stored.map(f64::from);
    }
    geometry
}

fn qform(header: &NiftiHeader) -> Geometry {
    let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
    let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let mut sizes = sizes(header);
    // pixdim[0] is the handedness; 0 means right-handed.
    if header.pixdim[0] < 0.0 {
        sizes[2] = -sizes[2];
    }
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
    let mut geometry = Geometry::default();
    for row in 0..3 {
        for axis in 0..3 {
            geometry.affine[row][axis] = rotation[row][axis] * sizes[axis];
        }
        geometry.affine[row][3] = offset[row];
    }
    geometry
}

/// Voxel sizes; 1 along axes that the file does not have.
fn sizes(header: &NiftiHeader) -> [f64; 3] {
    std::array::from_fn(|axis| {
        if axis < usize::from(header.dim[0]) {
            f64::from(header.pixdim[axis + 1]).abs()
        } else {
            1.0
        }
    })
}

fn millimeters_per_unit(header: &NiftiHeader) -> f64 {
    match header.xyzt_units & 7 {
        1 => 1e3,
        3 => 1e-3,
        _ => 1.0,
    }
}

/// The quaternion `(b, c, d)` and the handedness of an affine, or `None` if it has shear.
pub(super) fn quaternion(geometry: &Geometry) -> Option<([f64; 3], f64)> {
    let spacing = geometry.spacing();
    let handedness = geometry.determinant().signum();
    let r: [[f64; 3]; 3] = std::array::from_fn(|row| {
        let signs = [1.0, 1.0, handedness];
        std::array::from_fn(|axis| signs[axis] * geometry.affine[row][axis] / spacing[axis])
    });
    let dot = |a: usize, b: usize| (0..3).map(|row| r[row][a] * r[row][b]).sum::<f64>();
    let orthogonal = [dot(0, 1), dot(0, 2), dot(1, 2)]
        .iter()
        .all(|product| product.abs() < 1e-5);
    if !orthogonal {
        return None;
    }
    Some((rotation_to_quaternion(&r), handedness))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A rotation about an oblique axis.
    fn rotated(angle: f64, flip: f64) -> Geometry {
        let (s, c) = angle.sin_cos();
        let (k, t) = ([2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0], 1.0 - c);
        let spacing = [0.7, 1.2, 3.0 * flip];
        let cross = [[0.0, -k[2], k[1]], [k[2], 0.0, -k[0]], [-k[1], k[0], 0.0]];
        let mut geometry = Geometry::default();
        for row in 0..3 {
            for axis in 0..3 {
                let identity = if row == axis { c } else { 0.0 };
                geometry.affine[row][axis] =
                    (identity + s * cross[row][axis] + t * k[row] * k[axis]) * spacing[axis];
            }
        }
        geometry
    }

    #[test]
    fn a_quaternion_gives_its_affine_back() {
        for step in 0..24 {
            for flip in [1.0, -1.0] {
                let geometry = rotated(f64::from(step) * 0.27, flip);
                let ([b, c, d], handedness) = quaternion(&geometry).expect("no shear");
                let spacing = geometry.spacing();
                let mut header = NiftiHeader {
                    sform_code: 0,
                    qform_code: 1,
                    ..NiftiHeader::default()
                };
                header.dim[0] = 3;
                (header.quatern_b, header.quatern_c, header.quatern_d) =
                    (b as f32, c as f32, d as f32);
                header.pixdim[0] = handedness as f32;
                (0..3).for_each(|axis| header.pixdim[axis + 1] = spacing[axis] as f32);
                let found = from_header(Path::new("x.nii"), &header).expect("a valid header");
                // Near a rotation by 180°, a = sqrt(1 - b² - c² - d²) loses half the digits of f32.
                assert!(
                    found.approx_eq(&geometry, 2e-3),
                    "step {step}: {}",
                    found.max_difference(&geometry)
                );
            }
        }
    }

    #[test]
    fn shear_has_no_quaternion() {
        let mut geometry = Geometry::default();
        geometry.affine[0][1] = 0.2;
        assert!(quaternion(&geometry).is_none());
    }

    #[test]
    fn units_are_converted_and_flat_voxels_refused() {
        let mut header = NiftiHeader {
            sform_code: 0,
            qform_code: 0,
            xyzt_units: 3,
            ..NiftiHeader::default()
        };
        header.dim[0] = 3;
        header.pixdim = [1.0, 500.0, 500.0, 2000.0, 1.0, 1.0, 1.0, 1.0];
        let geometry = from_header(Path::new("x.nii"), &header).expect("a valid header");
        assert!(geometry.approx_eq(&Geometry::from_spacing([0.5, 0.5, 2.0]), 1e-9));
        header.pixdim[2] = 0.0;
        let message = from_header(Path::new("x.nii"), &header)
            .expect_err("flat voxels")
            .to_string();
        assert!(message.contains("x.nii") && message.contains("affine"));
    }
}
