//! A case as the page shows it: its planes, the slices shown first, and the
//! metadata for the viewer.

use std::collections::BTreeSet;

use semivox_data::Geometry;
use serde::Serialize;

use super::CasePicture;
use super::embed::{Embedded, embed};
use super::planes::{Plane, planes};
use super::reduce::MARGIN_MM;
use super::slices;

/// Percentiles, as fractions, of the intensities that are black and white at first.
pub(super) const WINDOW: [f64; 2] = [0.01, 0.99];

/// A case with the data that its pictures share.
pub(super) struct Case<'a> {
    pub(super) picture: &'a CasePicture,
    pub(super) embedded: Embedded<'a>,
    /// Geometry of the embedded voxels.
    pub(super) geometry: Geometry,
    /// The planes that show more than a line of voxels.
    pub(super) planes: Vec<Plane>,
    /// The slice shown first, by array axis.
    pub(super) middle: [usize; 3],
    pub(super) window: [f32; 2],
    /// The labels that occur in reference or prediction, without the background.
    pub(super) labels: BTreeSet<u8>,
}

/// Metadata of a case for the viewer.
#[derive(Serialize)]
struct Info<'a> {
    id: &'a str,
    shape: [usize; 3],
    low: f64,
    step: f64,
    window: [f32; 2],
    planes: Vec<PlaneInfo<'a>>,
}

#[derive(Serialize)]
struct PlaneInfo<'a> {
    #[serde(flatten)]
    plane: &'a Plane,
    /// The slice shown first.
    middle: usize,
    /// Numbers of the slices in the file, from 1, and how many it has.
    numbers: Vec<usize>,
    total: usize,
    /// Position of the first slice and distance to the next, in mm.
    first_mm: f64,
    step_mm: f64,
}

impl<'a> Case<'a> {
    /// Packs a case into at most `room` characters, and finds its planes, intensity window and labels.
    pub(super) fn new(picture: &'a CasePicture, room: usize) -> Self {
        let embedded = embed(picture, room);
        let geometry = embedded.grid.geometry(&picture.geometry);
        let shape = embedded.grid.shape();
        let area = |plane: &Plane| shape[plane.across.axis].min(shape[plane.down.axis]);
        let all = planes(&picture.geometry);
        let most = all.iter().map(area).max().unwrap_or(1);
        let (reference, prediction) = (embedded.reference.view(), embedded.prediction.view());
        let labels = reference.iter().chain(prediction.iter()).copied();
        Self {
            planes: (all.into_iter().filter(|p| area(p) > 1 || most == 1)).collect(),
            middle: slices::middle(reference, prediction),
            window: slices::percentiles(embedded.image.view(), WINDOW),
            labels: labels.filter(|&label| label > 0).collect(),
            picture,
            geometry,
            embedded,
        }
    }

    /// Returns width and height of a plane in mm.
    pub(super) fn extent(&self, plane: &Plane) -> [f64; 2] {
        let (shape, spacing) = (self.embedded.grid.shape(), self.geometry.spacing());
        [plane.across, plane.down].map(|along| shape[along.axis] as f64 * spacing[along.axis])
    }

    /// Returns the position in mm of a slice along the axis of space that it cuts, at the volume's middle.
    pub(super) fn position(&self, plane: &Plane, index: usize) -> f64 {
        let mut voxel = self
            .embedded
            .grid
            .shape()
            .map(|side| (side as f64 - 1.0) / 2.0);
        voxel[plane.axis] = index as f64;
        self.geometry.position(voxel)[plane.world]
    }

    /// Returns the number of a slice in the file, from 1.
    pub(super) fn number(&self, plane: &Plane, index: usize) -> usize {
        self.embedded.grid.voxel(plane.axis, index) + 1
    }

    /// Returns the metadata for the viewer, as JSON that cannot close the script element around it.
    pub(super) fn info(&self) -> String {
        let shape = self.embedded.grid.shape();
        let plane_info = |plane| {
            let first_mm = self.position(plane, 0);
            PlaneInfo {
                plane,
                middle: self.middle[plane.axis],
                numbers: (0..shape[plane.axis])
                    .map(|i| self.number(plane, i))
                    .collect(),
                total: self.picture.image.shape()[plane.axis],
                first_mm,
                step_mm: self.position(plane, 1) - first_mm,
            }
        };
        let info = Info {
            id: &self.picture.id,
            shape,
            low: self.embedded.scale.low,
            step: self.embedded.scale.step,
            window: self.window,
            planes: self.planes.iter().map(plane_info).collect(),
        };
        let json = serde_json::to_string(&info);
        debug_assert!(json.is_ok(), "numbers and names have a JSON form");
        json.unwrap_or_default().replace('<', "\\u003c")
    }

    /// Describes how a volume too large for the page was cropped or subsampled, if it was.
    pub(super) fn reduction(&self) -> Option<String> {
        let grid = self.embedded.grid;
        let full: [usize; 3] = self.picture.image.dim().into();
        let mut said = Vec::new();
        if grid.size != full {
            said.push(format!("cut to {MARGIN_MM} mm around the labels"));
        }
        if grid.factor != [1; 3] {
            let [x, y, z] = grid.factor;
            said.push(format!(
                "subsampled by {x} × {y} × {z} (intensities averaged, labels of the middle voxel)"
            ));
        }
        (!said.is_empty()).then(|| {
            let [x, y, z] = full;
            let what = said.join(" and ");
            format!("To keep this page small, the volume of {x} × {y} × {z} voxels is {what}.")
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::Array3;
    use rand::RngExt;
    use semivox_data::rng::keyed;

    use super::*;

    fn noise(shape: [usize; 3]) -> CasePicture {
        let mut rng = keyed(2, 0, "case");
        let mut reference = Array3::zeros(shape);
        reference[shape.map(|side| side / 2)] = 1;
        CasePicture {
            id: "case".into(),
            caption: String::new(),
            image: Array3::from_shape_simple_fn(shape, || rng.random_range(0.0..1.0)),
            other_channels: Vec::new(),
            prediction: reference.clone(),
            reference,
            geometry: Geometry::from_spacing([0.5, 0.5, 3.0]).translated([10.0, 0.0, 4.0]),
        }
    }

    #[test]
    fn slices_keep_their_numbers_and_positions_in_the_file() {
        let picture = noise([160, 150, 25]);
        let whole = Case::new(&picture, 1 << 20);
        let [axial, _, sagittal] = &whole.planes[..] else {
            panic!("a volume has three planes");
        };
        assert_eq!(whole.reduction(), None);
        assert_eq!(
            (whole.number(axial, 0), whole.position(axial, 2)),
            (1, 18.0)
        );
        assert_eq!(whole.extent(axial), [80.0, 75.0]);
        assert_eq!(whole.middle, [80, 75, 12]);
        // 600,000 voxels do not fit into the least room; 120 x 120 x 21 around the
        // label do not either, so they are thinned out in the plane.
        let small = Case::new(&picture, 1);
        let grid = small.embedded.grid;
        assert_eq!((grid.start, grid.size), ([20, 15, 2], [121, 121, 21]));
        assert!(grid.factor[0] > 1 && grid.factor[2] == 1);
        let said = small.reduction().unwrap();
        assert!(said.contains("160 × 150 × 25 voxels is cut to 30 mm around the labels and sub"));
        assert_eq!(
            (small.number(axial, 0), small.position(axial, 0)),
            (3, 18.0)
        );
        let (middle, factor) = (small.middle[0], grid.factor[0]);
        let number = small.number(sagittal, middle);
        assert!(number.abs_diff(81) <= factor, "{number}");
        let position = small.position(sagittal, middle);
        assert!((position - 45.0).abs() <= 0.5 * factor as f64, "{position}");
    }

    #[test]
    fn a_slice_is_one_plane_and_a_needle_three() {
        assert_eq!(Case::new(&noise([9, 8, 1]), 1).planes.len(), 1);
        assert_eq!(Case::new(&noise([1, 8, 1]), 1).planes.len(), 3);
    }
}
