//! Checksums of voxels, by which a scan or label map that was changed is found.

use ndarray::Array3;
use xxhash_rust::xxh3::Xxh3;

use crate::{Geometry, Image, LabelMap};

impl Image {
    /// Returns a checksum (XXH3) of the intensities of all channels and of their positions. It is the same for every file
    /// format and compression that stores the same voxels.
    ///
    /// # Examples
    /// ```
    /// use ndarray::Array3;
    /// use semivox_data::{Geometry, Image, Volume};
    ///
    /// let mut volume = Volume::new(Array3::zeros((4, 4, 2)), Geometry::default());
    /// let before = Image::from(volume.clone()).checksum();
    /// assert_eq!(Image::from(volume.clone()).checksum(), before);
    /// volume.data[[3, 0, 1]] = 0.5;
    /// assert_ne!(Image::from(volume).checksum(), before);
    /// ```
    pub fn checksum(&self) -> u64 {
        let mut hash = Xxh3::new();
        for channel in self.channels() {
            add(
                &mut hash,
                &channel.data,
                &channel.geometry,
                f32::to_le_bytes,
            );
        }
        hash.digest()
    }
}

impl LabelMap {
    /// Returns a checksum (XXH3) of the class indices and of their positions, like [`Image::checksum`].
    pub fn checksum(&self) -> u64 {
        let mut hash = Xxh3::new();
        add(&mut hash, &self.data, &self.geometry, u8::to_le_bytes);
        hash.digest()
    }
}

/// Adds shape, positions and values, the last axis fastest whatever the order in memory.
fn add<T: Copy, const N: usize>(
    hash: &mut Xxh3,
    data: &Array3<T>,
    geometry: &Geometry,
    bytes: fn(T) -> [u8; N],
) {
    let (x, y, z) = data.dim();
    for side in [x, y, z] {
        hash.update(&(side as u64).to_le_bytes());
    }
    // The position of the first voxel, and of the next one along each axis.
    let steps = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for number in steps.into_iter().flat_map(|at| geometry.position(at)) {
        hash.update(&number.to_le_bytes());
    }
    let mut buffer = Vec::with_capacity(1 << 12);
    for &value in data {
        buffer.extend_from_slice(&bytes(value));
        if buffer.len() + N > buffer.capacity() {
            hash.update(&buffer);
            buffer.clear();
        }
    }
    hash.update(&buffer);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Volume;

    fn volume() -> Volume {
        let data = Array3::from_shape_fn((7, 11, 13), |(x, y, z)| (x * 143 + y * 13 + z) as f32);
        Volume::new(data, Geometry::from_spacing([1.0, 1.0, 2.0]))
    }

    #[test]
    fn every_voxel_the_shape_the_position_and_the_order_of_channels_count() {
        let of = |volume: Volume| Image::from(volume).checksum();
        let before = of(volume());
        for index in [[0, 0, 0], [3, 5, 7], [6, 10, 12]] {
            let mut changed = volume();
            changed.data[index] += 1.0;
            assert_ne!(of(changed), before, "{index:?}");
        }
        let moved = Volume::new(volume().data, Geometry::from_spacing([1.0, 1.0, 2.5]));
        assert_ne!(of(moved), before);
        let turned = volume().data.into_shape_with_order((11, 7, 13)).unwrap();
        assert_ne!(of(Volume::new(turned, volume().geometry)), before);
        let mut other = volume();
        other.data += 1.0;
        let pair = |a: &Volume, b: &Volume| {
            let image = Image::new(vec![a.clone(), b.clone()]);
            image.unwrap().checksum()
        };
        assert_ne!(pair(&volume(), &other), pair(&other, &volume()));
    }

    #[test]
    fn the_order_in_memory_does_not_count() {
        let volume = volume();
        let reversed = volume.data.clone().reversed_axes();
        let same = Volume::new(
            reversed.as_standard_layout().to_owned().reversed_axes(),
            volume.geometry,
        );
        assert_ne!(same.data.strides(), volume.data.strides());
        assert_eq!(Image::from(same).checksum(), Image::from(volume).checksum());
    }

    #[test]
    fn a_corrected_label_counts() {
        let labels = LabelMap::new(Array3::zeros((5, 4, 3)), Geometry::default());
        let mut corrected = labels.clone();
        corrected.data[[4, 3, 2]] = 2;
        assert_ne!(labels.checksum(), corrected.checksum());
    }
}
