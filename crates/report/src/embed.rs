//! Compression of a case's voxels to text that a browser can unpack.
//!
//! | part | bytes |
//! |---|---|
//! | image | one per voxel: `(value - low) / step`, stored as the difference to the voxel before |
//! | reference | one label per voxel |
//! | prediction | one label per voxel |
//!
//! x runs fastest, as in NIfTI. The three parts follow one another in one zlib
//! stream, encoded in base64. Differences take a tenth less space than values.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use ndarray::{ArrayView3, CowArray, Ix3};

use super::CasePicture;
use super::reduce::Grid;
use super::slices::percentiles;

/// Percentiles, as fractions, of the intensities that bytes 0 and 255 stand for.
const RANGE: [f64; 2] = [0.005, 0.995];
/// Voxels per character of compressed text, hardly ever exceeded; grids with more voxels are not tried.
const BEST_RATIO: usize = 4;
/// Number of characters that a case may take even if many share a page.
const LEAST: usize = 1 << 16;

/// The intensities that bytes stand for: `low + step * byte`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) step: f64,
}

impl Scale {
    /// Returns the scale over the range of nearly all voxels.
    fn of(image: ArrayView3<'_, f32>) -> Self {
        let [low, high] = percentiles(image, RANGE).map(f64::from);
        Self {
            low,
            step: (high - low) / 255.0,
        }
    }

    /// Returns the nearest byte; NaN becomes 0.
    fn byte(&self, value: f32) -> u8 {
        match self.step > 0.0 {
            true => ((f64::from(value) - self.low) / self.step).round() as u8,
            false => 0,
        }
    }
}

/// The voxels of a case, reduced to fit into a page.
pub(super) struct Embedded<'a> {
    pub(super) grid: Grid,
    pub(super) image: CowArray<'a, f32, Ix3>,
    pub(super) reference: CowArray<'a, u8, Ix3>,
    pub(super) prediction: CowArray<'a, u8, Ix3>,
    pub(super) scale: Scale,
    /// Image, reference and prediction, compressed.
    pub(super) text: String,
}

/// Compresses a case to at most `room` characters: whole if it fits, else cropped
/// to the region of its labels, else that region subsampled.
pub(super) fn embed(picture: &CasePicture, room: usize) -> Embedded<'_> {
    let room = room.max(LEAST);
    let spacing = picture.geometry.spacing();
    let mut grid = Grid::whole(picture);
    let mut most = BEST_RATIO * room;
    if grid.voxels() > most {
        grid = Grid::around_labels(picture);
    }
    loop {
        while grid.voxels() > most {
            grid = grid.coarser(spacing);
        }
        let embedded = pack(picture, grid);
        let length = embedded.text.len();
        if length <= room {
            return embedded;
        }
        // A smaller grid is expected to compress about as well as the one that did not fit.
        most = (grid.voxels() as f64 * room as f64 / length as f64) as usize;
        if grid == Grid::whole(picture) {
            grid = Grid::around_labels(picture);
        }
    }
}

fn pack(picture: &CasePicture, grid: Grid) -> Embedded<'_> {
    let image = grid.image(&picture.image);
    let scale = Scale::of(image.view());
    let (reference, prediction) = (
        grid.labels(&picture.reference),
        grid.labels(&picture.prediction),
    );
    let mut bytes = Vec::with_capacity(3 * grid.voxels());
    let mut before = 0;
    // The transposed view runs through x fastest.
    bytes.extend(image.t().iter().map(|&value| {
        let byte = scale.byte(value);
        let difference = byte.wrapping_sub(before);
        before = byte;
        difference
    }));
    bytes.extend(reference.t().iter());
    bytes.extend(prediction.t().iter());
    Embedded {
        text: BASE64_STANDARD.encode(deflate(&bytes)),
        grid,
        image,
        reference,
        prediction,
        scale,
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes);
    debug_assert!(written.is_ok(), "packing to memory does not fail");
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read;

    use flate2::read::ZlibDecoder;
    use ndarray::Array3;
    use rand::RngExt;
    use semivox_data::Geometry;
    use semivox_data::rng::keyed;

    use super::*;

    fn picture(shape: [usize; 3]) -> CasePicture {
        let mut rng = keyed(1, 0, "picture");
        CasePicture {
            id: "case".into(),
            caption: String::new(),
            image: Array3::from_shape_simple_fn(shape, || rng.random_range(-900.0..400.0)),
            other_channels: Vec::new(),
            reference: Array3::from_shape_fn(shape, |(x, y, _)| u8::from(x > y) * 3),
            prediction: Array3::from_shape_fn(shape, |(x, y, z)| u8::from(x + y == z)),
            geometry: Geometry::from_spacing([1.0, 1.0, 2.0]),
        }
    }

    /// Decodes a case as `voxels.js` does.
    fn unpack(text: &str) -> Vec<u8> {
        let packed = BASE64_STANDARD.decode(text).unwrap();
        let mut bytes = Vec::new();
        ZlibDecoder::new(&packed[..])
            .read_to_end(&mut bytes)
            .unwrap();
        let image = bytes.len() / 3;
        for i in 1..image {
            bytes[i] = bytes[i].wrapping_add(bytes[i - 1]);
        }
        bytes
    }

    #[test]
    fn what_a_browser_unpacks_is_the_volume() {
        let [nx, ny, nz] = [7, 6, 5];
        let mut picture = picture([nx, ny, nz]);
        picture.image[[3, 2, 1]] = f32::NAN;
        picture.image[[0, 0, 0]] = 1e9;
        let embedded = embed(&picture, 1 << 20);
        let (bytes, scale) = (unpack(&embedded.text), embedded.scale);
        assert_eq!(bytes.len(), 3 * nx * ny * nz);
        let [low, high] = percentiles(picture.image.view(), RANGE).map(f64::from);
        for ((x, y, z), &value) in picture.image.indexed_iter() {
            let at = x + nx * (y + ny * z);
            let shown = scale.low + scale.step * f64::from(bytes[at]);
            let value = if value.is_nan() {
                low
            } else {
                f64::from(value)
            };
            let error = (shown - value.clamp(low, high)).abs();
            assert!(error <= 0.5 * scale.step + 1e-9, "{value} became {shown}");
            let labels = [picture.reference[[x, y, z]], picture.prediction[[x, y, z]]];
            let voxels = nx * ny * nz;
            assert_eq!([bytes[at + voxels], bytes[at + 2 * voxels]], labels);
        }
    }

    #[test]
    fn a_constant_image_is_black_and_has_its_value() {
        let mut constant = picture([3, 3, 3]);
        constant.image.fill(-7.5);
        let embedded = embed(&constant, 1 << 20);
        assert_eq!((embedded.scale.low, embedded.scale.step), (-7.5, 0.0));
        assert!(unpack(&embedded.text)[..27].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn large_volumes_are_cut_to_the_labels_and_thinned_out() {
        let mut large = picture([90, 90, 60]);
        large.reference.fill(0);
        large.prediction.fill(0);
        large.reference[[45, 45, 30]] = 1;
        let fits = embed(&large, 1 << 20);
        assert_eq!(fits.grid, Grid::whole(&large));
        // Noise hardly compresses: 486,000 voxels take 650,000 characters, the region of the labels 200,000.
        let cut = embed(&large, 500_000);
        assert_eq!(cut.grid, Grid::around_labels(&large));
        assert!(cut.text.len() <= 500_000 && cut.grid.voxels() < 200_000);
        let thin = embed(&large, 80_000);
        assert!(thin.text.len() <= 80_000 && thin.grid.factor[0] > 1);
        assert_eq!(unpack(&thin.text).len(), 3 * thin.grid.voxels());
        // A volume far too large is not compressed as a whole first.
        let small = embed(&large, 1);
        assert!(small.text.len() <= LEAST);
    }
}
