//! The tissues of the short-axis phantom.

/// Tissue at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tissue {
    /// The blood pool of the left ventricle.
    LeftVentricle,
    /// Papillary muscles, labeled as left ventricle.
    Papillary,
    Myocardium,
    RightVentricle,
    /// Other blood: the atria above the base, the aorta.
    Blood,
    /// Other muscle: walls of the right ventricle, the chest and the stomach.
    Muscle,
    /// As bright as blood.
    Fat,
    Liver,
    /// Lungs and the outside of the body.
    Air,
    Background,
}

/// The class of each tissue.
pub(super) const CLASSES: [u8; 10] = [3, 3, 2, 1, 0, 0, 0, 0, 0, 0];
