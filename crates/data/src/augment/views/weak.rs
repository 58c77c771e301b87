//! Weak augmentation: position, rotation by 90° and mirroring of a training patch.

use ndarray::{Array3, ArrayView3};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::augment::{CropParams, FlipParams, Rot90Params};

/// Spatial augmentation of a training patch: position, rotation by 90°, mirroring.
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
/// let teacher = weak.apply(image.view(), 0.0);
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
    /// Whether rotations by 90° in the plane of the first two axes are drawn.
    pub rotate: bool,
    /// Probability of mirroring one axis.
    pub flip_probability: f64,
    /// The axes that may be mirrored.
    pub flip_axes: [bool; 3],
}

impl Symmetries {
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
            .map(|axis| axis && self.flip_probability > 0.0)
    }
}

impl Default for Symmetries {
    fn default() -> Self {
        Self {
            rotate: true,
            flip_probability: 1.0,
            flip_axes: [true, true, false],
        }
    }
}

/// Parameters drawn by [`WeakView`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeakParams {
    /// Position of the patch in the volume.
    pub crop: CropParams,
    /// Rotation of the patch.
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
        let rot90 = Rot90Params::draw(rng, self.patch);
        let Symmetries {
            rotate,
            flip_probability,
            flip_axes,
        } = self.symmetries;
        let flip = FlipParams::draw(rng, flip_probability, flip_axes);
        WeakParams {
            crop,
            rot90: if rotate {
                rot90
            } else {
                Rot90Params::default()
            },
            flip,
        }
    }
}

impl WeakParams {
    /// Cuts, rotates and mirrors the patch; voxels beyond the volume are `fill`.
    pub fn apply<T: Copy>(&self, volume: ArrayView3<'_, T>, fill: T) -> Array3<T> {
        let patch = self.crop.apply(volume, fill);
        let view = self.flip.apply(self.rot90.apply(patch.view()));
        view.as_standard_layout().into_owned()
    }
}
