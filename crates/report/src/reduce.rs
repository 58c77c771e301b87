//! Cropping and subsampling of a case, so that its voxels fit into a page.

use ndarray::{Array3, ArrayView3, Axis, CowArray, Ix3, s};
use semivox_data::Geometry;

use super::CasePicture;

/// Margin kept around the labels when a volume is too large, in mm.
pub(super) const MARGIN_MM: f64 = 30.0;

/// A region of a volume and the factors by which it is subsampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// First voxel of the region.
    pub(super) start: [usize; 3],
    /// Number of voxels of the region, by axis.
    pub(super) size: [usize; 3],
    /// Number of voxels merged into one, by axis.
    pub(super) factor: [usize; 3],
}

impl Grid {
    /// Returns the grid of every voxel.
    pub(super) fn whole(picture: &CasePicture) -> Self {
        Self {
            start: [0; 3],
            size: picture.image.dim().into(),
            factor: [1; 3],
        }
    }

    /// Returns the region of the labels with a margin; the whole volume if there are none.
    pub(super) fn around_labels(picture: &CasePicture) -> Self {
        let mut grid = Self::whole(picture);
        for (axis, spacing) in picture.geometry.spacing().into_iter().enumerate() {
            let labeled = |index: &usize| {
                let any = |labels: &Array3<u8>| {
                    labels.index_axis(Axis(axis), *index).iter().any(|&l| l > 0)
                };
                any(&picture.reference) || any(&picture.prediction)
            };
            let length = grid.size[axis];
            let (first, last) = ((0..length).find(labeled), (0..length).rfind(labeled));
            if let (Some(first), Some(last)) = (first, last) {
                let margin = (MARGIN_MM / spacing).ceil() as usize;
                grid.start[axis] = first.saturating_sub(margin);
                grid.size[axis] = (last + margin + 1).min(length) - grid.start[axis];
            }
        }
        grid
    }

    /// Returns the region with the factor of the finest axis increased by one.
    #[must_use]
    pub(super) fn coarser(mut self, spacing: [f64; 3]) -> Self {
        let thinned = |axis: &usize| spacing[*axis] * self.factor[*axis] as f64;
        let finest = (0..3)
            .filter(|&axis| self.shape()[axis] > 1)
            .min_by(|a, b| thinned(a).total_cmp(&thinned(b)));
        if let Some(axis) = finest {
            self.factor[axis] += 1;
        }
        self
    }

    /// Returns the number of voxels on each axis after subsampling.
    pub(super) fn shape(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.size[axis].div_ceil(self.factor[axis]))
    }

    /// Returns the number of voxels after subsampling.
    pub(super) fn voxels(&self) -> usize {
        self.shape().iter().product()
    }

    /// Returns the index, in the volume, of the voxel that represents one of the subsampled voxels.
    pub(super) fn voxel(&self, axis: usize, index: usize) -> usize {
        let middle = index * self.factor[axis] + self.factor[axis] / 2;
        self.start[axis] + middle.min(self.size[axis] - 1)
    }

    /// Returns the geometry after subsampling: a voxel lies at the center of those merged into it.
    pub(super) fn geometry(&self, geometry: &Geometry) -> Geometry {
        let first =
            [0, 1, 2].map(|axis| self.start[axis] as f64 + (self.factor[axis] as f64 - 1.0) / 2.0);
        let mut moved = geometry.translated(first);
        for row in &mut moved.affine[..3] {
            for (entry, factor) in row.iter_mut().zip(self.factor) {
                *entry *= factor as f64;
            }
        }
        moved
    }

    fn cut<'a, T>(&self, array: &'a Array3<T>) -> ArrayView3<'a, T> {
        let range = |axis: usize| self.start[axis]..self.start[axis] + self.size[axis];
        array.slice(s![range(0), range(1), range(2)])
    }

    /// Returns the intensities, averaged over the voxels that are merged.
    pub(super) fn image<'a>(&self, image: &'a Array3<f32>) -> CowArray<'a, f32, Ix3> {
        let region = self.cut(image);
        if self.factor == [1; 3] {
            return region.into();
        }
        let block = |axis: usize, index: usize| {
            let first = index * self.factor[axis];
            first..(first + self.factor[axis]).min(self.size[axis])
        };
        let mean = |(x, y, z): (usize, usize, usize)| {
            let joined = region.slice(s![block(0, x), block(1, y), block(2, z)]);
            joined.sum() / joined.len() as f32
        };
        Array3::from_shape_fn(self.shape(), mean).into()
    }

    /// Returns the labels, each of the middle one of the voxels that are merged.
    pub(super) fn labels<'a>(&self, labels: &'a Array3<u8>) -> CowArray<'a, u8, Ix3> {
        if self.factor == [1; 3] {
            return self.cut(labels).into();
        }
        let nearest = |(x, y, z)| labels[[self.voxel(0, x), self.voxel(1, y), self.voxel(2, z)]];
        Array3::from_shape_fn(self.shape(), nearest).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> CasePicture {
        let mut reference = Array3::zeros((100, 60, 7));
        reference[[50, 30, 3]] = 2;
        let mut prediction = Array3::zeros((100, 60, 7));
        prediction[[55, 30, 3]] = 1;
        CasePicture {
            id: "case".into(),
            caption: String::new(),
            image: Array3::from_shape_fn((100, 60, 7), |(x, _, _)| x as f32),
            other_channels: Vec::new(),
            reference,
            prediction,
            geometry: Geometry::from_spacing([1.0, 1.0, 5.0]).translated([4.0, 0.0, 0.0]),
        }
    }

    #[test]
    fn the_region_holds_the_labels_and_a_margin() {
        let mut picture = picture();
        let grid = Grid::around_labels(&picture);
        assert_eq!((grid.start, grid.size), ([20, 0, 0], [66, 60, 7]));
        picture.reference.fill(0);
        picture.prediction.fill(0);
        assert_eq!(Grid::around_labels(&picture), Grid::whole(&picture));
    }

    #[test]
    fn the_finest_axes_are_thinned_out_first() {
        let picture = picture();
        let mut grid = Grid::around_labels(&picture);
        for expected in [[2, 1, 1], [2, 2, 1], [3, 2, 1]] {
            grid = grid.coarser(picture.geometry.spacing());
            assert_eq!(grid.factor, expected);
        }
        assert_eq!((grid.shape(), grid.voxels()), ([22, 30, 7], 22 * 30 * 7));
        // Voxels 50, 51 and 52 are merged, so voxel 51 represents them.
        assert_eq!(grid.voxel(0, 10), 51);
        let image = grid.image(&picture.image);
        assert_eq!((image.dim(), image[[10, 0, 0]]), ((22, 30, 7), 51.0));
        assert_eq!(
            grid.geometry(&picture.geometry).position([10.0, 0.0, 0.0])[0],
            55.0
        );
        let labels = grid.labels(&picture.prediction);
        assert_eq!(labels[[11, 15, 3]], picture.prediction[[54, 31, 3]]);
        // The last block of the region has one voxel only.
        let odd = Grid {
            start: [0; 3],
            size: [100, 60, 7],
            factor: [3, 1, 1],
        };
        assert_eq!(odd.image(&picture.image)[[33, 0, 0]], 99.0);
        assert_eq!(odd.voxel(0, 33), 99);
    }
}
