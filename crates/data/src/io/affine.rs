//! Affines in NIfTI headers, as a matrix (sform) or a rotation (qform).

use std::path::Path;

use crate::source_header::NiftiForms;
use crate::{DataError, Geometry};

/// The distance of corner voxels, in voxels, from which a note says that the two forms disagree.
const DISAGREEMENT: f64 = 0.5;

/// The angle by which axes are off right angles, in degrees, from which a note says so: more than by an affine that is rounded
/// to two digits.
const SHEARED: f64 = 0.5;

/// Returns the affine of a header in millimeters for a volume of `axes` axes, and notes about doubts.
///
/// It is the sform, else the qform, else the voxel sizes. A singular form is passed over if the other is sound.
pub(super) fn place(
    path: &Path,
    forms: &NiftiForms,
    axes: usize,
    shape: [usize; 3],
) -> Result<(Geometry, Vec<String>), DataError> {
    let scale = millimeters_per_unit(forms.units);
    let sound = |form: Geometry| Some(form.scaled(scale)).filter(Geometry::is_sound);
    let sform = (forms.sform_code > 0).then(|| sound(sform(forms)));
    let qform = (forms.qform_code > 0).then(|| sound(qform(forms, axes)));
    let (geometry, note) = match (sform, qform) {
        (Some(Some(sform)), Some(Some(qform))) => (sform, disagreement(&sform, &qform, shape)),
        (Some(Some(form)), _) | (None, Some(Some(form))) => (form, None),
        (Some(None), Some(Some(qform))) => (
            qform,
            Some("its sform is singular; it is placed by its qform".into()),
        ),
        (None, None) => match sound(Geometry::from_spacing(sizes(forms, axes))) {
            Some(geometry) => (
                geometry,
                Some("it has neither sform nor qform, only voxel sizes: which side is left is not known".into()),
            ),
            None => return Err(singular(path, forms)),
        },
        _ => return Err(singular(path, forms)),
    };
    Ok((geometry, note.into_iter().chain(shear(&geometry)).collect()))
}

/// A note about axes that are not at right angles, unless by rounding.
///
/// Positions are right nevertheless, but everything that takes a volume for a stack of boxes is not: resampling, distances,
/// and the qform of a label map.
pub(super) fn shear(geometry: &Geometry) -> Option<String> {
    let (affine, spacing) = (&geometry.affine, geometry.spacing());
    let cosine = |a: usize, b: usize| {
        let dot: f64 = (0..3).map(|row| affine[row][a] * affine[row][b]).sum();
        (dot / (spacing[a] * spacing[b])).abs()
    };
    let most = cosine(0, 1).max(cosine(0, 2)).max(cosine(1, 2));
    let off = most.min(1.0).asin().to_degrees();
    (off > SHEARED).then(|| {
        format!(
            "its axes are {off:.1} degrees off right angles (sheared); voxels are placed as its header says, but distances \
             are measured as if they were at right angles, and ITK and 3D Slicer may refuse NIfTI files on this grid: \
             resample it to a grid at right angles"
        )
    })
}

fn disagreement(sform: &Geometry, qform: &Geometry, shape: [usize; 3]) -> Option<String> {
    let distance = sform.corner_distance(qform, shape);
    let note =
        "its sform and its qform are more than half a voxel apart; it is placed by its sform";
    (distance > DISAGREEMENT).then(|| note.into())
}

fn singular(path: &Path, forms: &NiftiForms) -> DataError {
    let rows = |form: Geometry| format!("rows {:?}", &form.affine[..3]);
    let found = match (forms.sform_code > 0, forms.qform_code > 0) {
        (true, true) => format!(
            "a singular sform of {} and a singular qform",
            rows(sform(forms))
        ),
        (true, false) => format!("a singular sform of {} and no qform", rows(sform(forms))),
        (false, true) => format!("a singular qform of {} and no sform", rows(qform(forms, 3))),
        (false, false) => format!(
            "no sform, no qform and voxel sizes {:?}",
            &forms.pixdim[1..4]
        ),
    };
    DataError::unexpected(
        path,
        "an affine with voxels of nonzero volume",
        found,
        "correct the header, for instance with that of another file of the scan",
    )
}

fn sform(forms: &NiftiForms) -> Geometry {
    let mut geometry = Geometry::default();
    geometry.affine[..3].copy_from_slice(&forms.sform);
    geometry
}

pub(super) fn qform(forms: &NiftiForms, axes: usize) -> Geometry {
    let [a, b, c, d] = unit_quaternion(forms.quaternion);
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
    let mut sizes = qform_sizes(forms, axes);
    // pixdim[0] is the handedness; 0 means right-handed.
    if forms.pixdim[0] < 0.0 {
        sizes[2] = -sizes[2];
    }
    let mut geometry = Geometry::default();
    for (row, turned) in rotation.iter().enumerate() {
        (0..3).for_each(|axis| geometry.affine[row][axis] = turned[axis] * sizes[axis]);
        geometry.affine[row][3] = forms.offset[row];
    }
    geometry
}

/// The four parts of a quaternion whose first, which is not negative, is not stored.
///
/// As in the reference implementation of NIfTI, a first part that is lost in the rounding of the others is 0.
fn unit_quaternion([b, c, d]: [f64; 3]) -> [f64; 4] {
    let squares = b * b + c * c + d * d;
    match 1.0 - squares {
        rest if rest < 1e-7 => {
            let norm = squares.sqrt();
            [0.0, b / norm, c / norm, d / norm]
        }
        rest => [rest.sqrt(), b, c, d],
    }
}

/// Voxel sizes; 1 along axes that the file does not have.
fn sizes(forms: &NiftiForms, axes: usize) -> [f64; 3] {
    std::array::from_fn(|axis| match axis < axes {
        true => forms.pixdim[axis + 1].abs(),
        false => 1.0,
    })
}

/// Voxel sizes of the qform; along an axis that the file does not have, what the header states nevertheless, as in
/// nibabel.
pub(super) fn qform_sizes(forms: &NiftiForms, axes: usize) -> [f64; 3] {
    let plain = sizes(forms, axes);
    std::array::from_fn(|axis| match forms.pixdim[axis + 1].abs() {
        stated if forms.qform_code > 0 && stated > 0.0 && stated.is_finite() => stated,
        _ => plain[axis],
    })
}

fn millimeters_per_unit(units: u8) -> f64 {
    match units & 7 {
        1 => 1e3,
        3 => 1e-3,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::forms::forms_of;
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
                let mut forms = forms_of(&geometry, [9, 9, 9]);
                assert_eq!((forms.qform_code, forms.sform_code), (1, 1));
                forms.sform_code = 0;
                let (found, notes) = placed(&forms).expect("a valid header");
                assert!(notes.is_empty());
                // Near a rotation by 180°, a = sqrt(1 - b² - c² - d²) loses half the digits of f32.
                assert!(
                    found.approx_eq(&geometry, 2e-3),
                    "step {step}: {}",
                    found.max_difference(&geometry)
                );
            }
        }
    }

    fn placed(forms: &NiftiForms) -> Result<(Geometry, Vec<String>), String> {
        let placed = place(Path::new("x.nii"), forms, 3, [9, 9, 9]);
        placed.map_err(|error| error.to_string())
    }

    #[test]
    fn shear_is_left_out_of_the_qform_if_it_is_rounding() {
        let mut geometry = rotated(0.7, 1.0);
        geometry.affine[0][1] += 1e-3;
        let forms = forms_of(&geometry, [9, 9, 9]);
        assert_eq!(forms.qform_code, 1);
        // Of a large volume the same shear moves a corner.
        assert_eq!(forms_of(&geometry, [900, 900, 9]).qform_code, 0);
        geometry.affine[0][1] += 0.2;
        let forms = forms_of(&geometry, [9, 9, 9]);
        assert_eq!((forms.qform_code, forms.sform_code), (0, 1));
        assert!(
            placed(&forms)
                .expect("the sform")
                .0
                .approx_eq(&geometry, 0.0)
        );
    }

    #[test]
    fn a_singular_form_is_passed_over_for_a_sound_one() {
        let geometry = rotated(0.7, -1.0);
        let sound = forms_of(&geometry, [9, 9, 9]);
        let flat = [[0.0; 4]; 3];
        let nan = [[f64::NAN; 4]; 3];
        // Two columns of one direction.
        let dependent = [
            [1.0, 2.0, 0.0, 0.0],
            [0.5, 1.0, 0.0, 0.0],
            [0.0, 1e-9, 1.0, 0.0],
        ];
        for sform in [flat, nan, dependent] {
            let mut forms = NiftiForms {
                sform,
                ..sound.clone()
            };
            let (found, notes) = placed(&forms).expect("the qform");
            assert!(found.approx_eq(&geometry, 1e-5));
            assert!(notes[0].contains("sform is singular"), "{notes:?}");
            forms.qform_code = 0;
            let message = placed(&forms).expect_err("no form");
            assert!(
                message.contains("singular sform") && message.contains("no qform"),
                "{message}"
            );
            forms.sform_code = 0;
            let (found, notes) = placed(&forms).expect("voxel sizes");
            assert_eq!(found.spacing(), geometry.spacing());
            assert!(notes[0].contains("which side is left"), "{notes:?}");
        }
    }

    #[test]
    fn forms_that_disagree_are_noted_and_the_sform_is_used() {
        let geometry = rotated(0.7, 1.0);
        let mut forms = forms_of(&geometry, [9, 9, 9]);
        forms.offset[0] += 0.3;
        assert!(placed(&forms).expect("sound").1.is_empty());
        forms.offset[0] += 7.0;
        let (found, notes) = placed(&forms).expect("sound");
        assert!(found.approx_eq(&geometry, 0.0));
        assert!(notes[0].contains("half a voxel apart"), "{notes:?}");
    }

    #[test]
    fn units_are_converted_and_flat_voxels_refused() {
        let mut forms = forms_of(&Geometry::default(), [9, 9, 9]);
        (forms.sform_code, forms.qform_code, forms.units) = (0, 0, 3);
        forms.pixdim = [1.0, 500.0, 500.0, 2000.0];
        let (geometry, _) = placed(&forms).expect("a valid header");
        assert!(geometry.approx_eq(&Geometry::from_spacing([0.5, 0.5, 2.0]), 1e-9));
        forms.pixdim[2] = 0.0;
        let message = placed(&forms).expect_err("flat voxels");
        assert!(message.contains("x.nii") && message.contains("affine"));
    }
}
