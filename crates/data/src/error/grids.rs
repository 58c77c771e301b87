//! What errors say about an image and a label map on different grids.

/// The relation of the grids of a label map and its image, by their headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GridRelation {
    /// The same voxels, with the axes in another order or direction.
    Turned,
    /// A part of the image's grid, from this voxel on.
    Part([u32; 3]),
    /// Any other.
    Other,
}

/// Returns the advice for a label map of another shape than its image.
///
/// `start` is the voxel of the image at which the label map begins, if it is a part of the image's grid, as 3D Slicer
/// saves label maps by default.
pub(super) fn other_shape(relation: GridRelation) -> String {
    match relation {
        GridRelation::Turned => TURNED.into(),
        GridRelation::Other => "check that both files belong to the same scan".into(),
        GridRelation::Part(start) => format!(
            "by its header the label map is a part of the image's grid, from voxel {start:?} on: export it on the whole grid, in 3D Slicer with the image as reference volume"
        ),
    }
}

/// Says what to do about a label map at another place than its image.
pub(super) fn other_geometry(turned: bool) -> &'static str {
    match turned {
        true => TURNED,
        false => {
            "resample the label map onto the image, or copy the image's header if only the header is wrong"
        }
    }
}

/// What to do about a label map whose voxels are those of its image in another order.
const TURNED: &str = "by its header the label map covers the same voxels, with its axes in another order or direction: bring it to the image's axes (`semivox inspect DATA --fix FOLDER` does), and do not copy the header";
