//! Weak augmentation: position, rotation and mirroring of a training patch.

use ndarray::{Array3, ArrayView3};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::augment::{CropParams, FlipParams, Rot90Params, RotationConfig, RotationParams};
use crate::rng::chance;

/// Spatial augmentation of a training patch: position, rotation, mirroring.
///
/// Images and label maps use the same [`WeakParams`]. The strong view starts from a copy of the weak one,
/// which keeps the voxels of both aligned.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{augment::{StrongView, WeakView}, rng::keyed};
///
/// let image = Array3::from_shape_fn((20, 18, 9), |(x, y, z)| (x + y * z) as f32);
/// let mut rng = keyed(1337, 0, "view of case 3");
/// let weak = WeakView::new([16, 16, 8]).draw(&mut rng, [20, 18, 9]);
/// let teacher = weak.image(image.view(), 0.0);
///
/// let strong = StrongView::default().draw(&mut rng, [16, 16, 8]);
/// let mut student = teacher.clone();
/// strong.apply(&mut student);
/// assert_eq!(student.dim(), teacher.dim());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeakView {
    /// Size of the patch in voxels.
    pub patch: [usize; 3],
    /// Rotations and mirrorings to draw from.
    #[serde(default)]
    pub symmetries: Symmetries,
}

/// The rotations and mirrorings that keep a patch plausible.
///
/// Do not mirror an axis along which left and right or front and back are different classes: a network
/// that sees both cannot distinguish them.
///
/// # References
///
/// The default is that of the field's data loaders for the left atrium: any rotation by 90° in the plane,
/// then always a mirroring. Every patch is then a mirror image, never the original orientation; use it
/// for comparable results on the left atrium.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Symmetries {
    /// Probability of the rotation by 90° and the mirroring below; 1 for every patch.
    pub probability: f64,
    /// Whether rotations by 90° in the plane of the first two axes are drawn.
    pub rotate: bool,
    /// Probability of mirroring one axis.
    pub flip_probability: f64,
    /// The axes that may be mirrored.
    pub flip_axes: [bool; 3],
    /// Rotation by any angle of the patches without the rotation by 90° and the mirroring.
    pub rotation: Option<RotationConfig>,
}

impl Symmetries {
    /// No rotation and no mirroring.
    pub const NONE: Self = Self {
        probability: 1.0,
        rotate: false,
        flip_probability: 0.0,
        flip_axes: [false; 3],
        rotation: None,
    };

    /// Returns the axes with a nonzero probability of mirroring.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::augment::Symmetries;
    ///
    /// let never = Symmetries { flip_probability: 0.0, ..Symmetries::default() };
    /// assert_eq!(Symmetries::default().mirrored(), [true, true, false]);
    /// assert_eq!(never.mirrored(), [false; 3]);
    /// ```
    pub fn mirrored(&self) -> [bool; 3] {
        self.flip_axes
            .map(|axis| axis && self.probability > 0.0 && self.flip_probability > 0.0)
    }
}

impl Default for Symmetries {
    fn default() -> Self {
        Self {
            probability: 1.0,
            rotate: true,
            flip_probability: 1.0,
            flip_axes: [true, true, false],
            rotation: None,
        }
    }
}

/// Parameters drawn by [`WeakView`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WeakParams {
    /// Position of the patch in the volume.
    pub crop: CropParams,
    /// Rotation of the patch by any angle, if drawn.
    pub rotation: Option<RotationParams>,
    /// Rotation of the patch by 90°.
    pub rot90: Rot90Params,
    /// Mirroring after the rotation.
    pub flip: FlipParams,
}

impl WeakView {
    /// Creates a view with the default symmetries.
    pub fn new(patch: [usize; 3]) -> Self {
        Self {
            patch,
            symmetries: Symmetries::default(),
        }
    }

    /// Draws the parameters for a volume.
    pub fn draw(&self, rng: &mut impl Rng, volume: [usize; 3]) -> WeakParams {
        let crop = CropParams::draw(rng, volume, self.patch);
        let mut rot90 = Rot90Params::draw(rng, self.patch);
        let drawn = self.symmetries;
        let mut flip = FlipParams::draw(rng, drawn.flip_probability, drawn.flip_axes);
        // Settings without these draw what they always drew.
        let upright = drawn.probability < 1.0 && !chance(rng, drawn.probability);
        let rotation = drawn.rotation.and_then(|rotation| rotation.draw(rng));
        if upright {
            flip = FlipParams::default();
        }
        if upright || !drawn.rotate {
            rot90 = Rot90Params::default();
        }
        WeakParams {
            crop,
            rotation: rotation.filter(|_| upright),
            rot90,
            flip,
        }
    }
}

impl WeakParams {
    /// Cuts, rotates and mirrors the patch of a label map; voxels beyond the volume are `fill`.
    ///
    /// Rotated by an angle, a voxel has the value of the nearest one.
    pub fn labels<T: Copy>(&self, volume: ArrayView3<'_, T>, fill: T) -> Array3<T> {
        self.turned(match self.rotation {
            Some(rotation) => rotation.nearest(volume, self.crop.region, fill),
            None => self.crop.apply(volume, fill),
        })
    }

    /// Cuts, rotates and mirrors the patch of an image; voxels beyond the volume are `fill`.
    ///
    /// Rotated by an angle, values are interpolated linearly.
    pub fn image(&self, volume: ArrayView3<'_, f32>, fill: f32) -> Array3<f32> {
        self.turned(match self.rotation {
            Some(rotation) => rotation.linear(volume, self.crop.region, fill),
            None => self.crop.apply(volume, fill),
        })
    }

    /// Rotates by 90° and mirrors a patch.
    fn turned<T: Copy>(&self, patch: Array3<T>) -> Array3<T> {
        let view = self.flip.apply(self.rot90.apply(patch.view()));
        view.as_standard_layout().into_owned()
    }
}
