//! The tissues of the abdomen.

/// Tissue at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tissue {
    Pancreas,
    Liver,
    Spleen,
    Kidney,
    /// Content of stomach and bowel, sometimes with contrast agent.
    Bowel,
    /// Gas in the bowel.
    Gas,
    Vessel,
    Muscle,
    Fat,
    /// Interior and surface of bones.
    Spongy,
    Compact,
    Air,
}

/// The class of each tissue.
pub(super) const CLASSES: [u8; 12] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
