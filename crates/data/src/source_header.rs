//! The placement of voxels as the file of a volume stores it.

use std::sync::Arc;

use crate::Geometry;

/// Position of a volume's voxels as stored in its file, with which results overlay the scan in every program.
///
/// A NIfTI header has two affines, the sform and the qform, each with a code, beside voxel sizes and a unit of
/// length. Programs differ in which of them they use, and the two may disagree or be absent. A label map of the
/// same grid therefore gets all of them unchanged, not one affine in place of both. Files of other formats have
/// one affine, from which both forms are made.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::io::{read_volume, write_labels, write_volume};
/// use semivox_data::{Geometry, LabelMap, Volume};
///
/// let folder = tempfile::tempdir()?;
/// let scan = folder.path().join("scan.nii");
/// write_volume(&scan, &Volume::new(Array3::zeros((4, 3, 2)), Geometry::default()))?;
/// let scan = read_volume(scan)?;
/// let labels = LabelMap::new(Array3::ones((4, 3, 2)), scan.geometry);
/// write_labels(folder.path().join("labels.nii"), &labels.with_header_of(&scan))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SourceHeader(Arc<Content>);

#[derive(Debug)]
struct Content {
    shape: [usize; 3],
    geometry: Geometry,
    nifti: Option<NiftiForms>,
    sides: bool,
    notes: Vec<String>,
}

/// The fields of a NIfTI header that place its voxels, as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NiftiForms {
    /// The code of the unit of length and of time.
    pub units: u8,
    /// The handedness of the qform and the voxel sizes.
    pub pixdim: [f64; 4],
    pub qform_code: i16,
    pub sform_code: i16,
    /// The rotation of the qform.
    pub quaternion: [f64; 3],
    /// The position of the first voxel in the qform.
    pub offset: [f64; 3],
    /// The rows of the sform.
    pub sform: [[f64; 4]; 3],
}

impl SourceHeader {
    /// The header of a file that says which side of the patient is left; a NIfTI header with voxel sizes alone does not.
    pub(crate) fn new(
        shape: [usize; 3],
        geometry: Geometry,
        nifti: Option<NiftiForms>,
        notes: Vec<String>,
    ) -> Self {
        let placed = |forms: &NiftiForms| forms.sform_code > 0 || forms.qform_code > 0;
        Self(Arc::new(Content {
            shape,
            geometry,
            sides: nifti.as_ref().is_none_or(placed),
            nifti,
            notes,
        }))
    }

    /// The header of a file that does not say which side of the patient is left.
    pub(crate) fn without_sides(shape: [usize; 3], geometry: Geometry, notes: Vec<String>) -> Self {
        Self(Arc::new(Content {
            shape,
            geometry,
            nifti: None,
            sides: false,
            notes,
        }))
    }

    /// Returns the forms of a NIfTI header for a volume of this shape and geometry, if they are those of the file.
    pub(crate) fn nifti(&self, shape: [usize; 3], geometry: &Geometry) -> Option<&NiftiForms> {
        let same = self.0.shape == shape && self.0.geometry == *geometry;
        self.0.nifti.as_ref().filter(|_| same)
    }

    /// Returns whether the file says which side of the patient is left.
    pub fn knows_sides(&self) -> bool {
        self.0.sides
    }

    /// Returns doubts about the position and how they were resolved, one sentence each; empty for most files.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }
}
