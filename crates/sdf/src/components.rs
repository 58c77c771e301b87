//! Connected components of masks.

mod runs;

use ndarray::{Array3, ArrayView3};

use runs::Runs;

/// Neighborhood that defines which voxels are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// The 6 voxels that share a face.
    Faces6,
    /// The 18 voxels that share a face or an edge.
    Edges18,
    /// The 26 voxels that share a face, an edge or a corner.
    Corners26,
}

impl Connectivity {
    /// The number of axes along which neighbors may differ.
    fn order(self) -> usize {
        match self {
            Self::Faces6 => 1,
            Self::Edges18 => 2,
            Self::Corners26 => 3,
        }
    }
}

/// The connected components of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// 0 for background, otherwise the component's number, counted from 1 in the order of first voxels.
    pub labels: Array3<u32>,
    /// The number of voxels in each component: `sizes[i]` belongs to label `i + 1`.
    pub sizes: Vec<usize>,
}

impl Components {
    /// The label of the largest component, the lowest one in a tie; `None` for an empty mask.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::arr3;
    /// use semivox_sdf::{Connectivity, connected_components};
    ///
    /// let mask = arr3(&[[[true, false, true]]]);
    /// let found = connected_components(mask.view(), Connectivity::Faces6);
    /// assert_eq!(found.largest(), Some(1));
    /// ```
    #[must_use]
    pub fn largest(&self) -> Option<u32> {
        let largest = self.sizes.iter().max()?;
        let index = self.sizes.iter().position(|size| size == largest)?;
        u32::try_from(index + 1).ok()
    }
}

/// Finds the connected components of a mask.
///
/// Components are numbered in the order of their first voxel in row-major order, as SciPy's
/// `ndimage.label` does.
///
/// # Shapes
///
/// mask `[x, y, z]` to labels `[x, y, z]`.
///
/// # Panics
///
/// If there are 2^32 components or more, which takes a mask of over 8 billion voxels.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_sdf::{Connectivity, connected_components};
///
/// let mask = arr3(&[[[true, false, true], [false, true, true]]]);
/// let faces = connected_components(mask.view(), Connectivity::Faces6);
/// assert_eq!(faces.labels, arr3(&[[[1, 0, 2], [0, 2, 2]]]));
/// assert_eq!(faces.sizes, [1, 3]);
/// let edges = connected_components(mask.view(), Connectivity::Edges18);
/// assert_eq!(edges.sizes, [4]);
/// ```
#[must_use]
pub fn connected_components(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Components {
    let (nx, ny, nz) = mask.dim();
    let mut runs = Runs::find(mask);
    for x in 0..nx {
        for y in 0..ny {
            for (dx, dy) in [(1, 1), (1, 0), (1, -1), (0, 1)] {
                let order = dx + usize::from(dy != 0);
                let neighbor = y.checked_sub_signed(dy).filter(|&row| row < ny);
                if let (Some(x0), Some(y0), true) =
                    (x.checked_sub(dx), neighbor, order <= connectivity.order())
                {
                    let reach = usize::from(order < connectivity.order());
                    runs.join_rows(x * ny + y, x0 * ny + y0, reach);
                }
            }
        }
    }
    let (labels, sizes) = runs.into_labels((nx, ny, nz));
    Components { labels, sizes }
}

/// Returns the largest connected component of a mask.
///
/// Among components of equal size it is the one whose first voxel comes first in row-major order. An empty
/// mask gives an empty mask.
///
/// # Shapes
///
/// mask `[x, y, z]` to result `[x, y, z]`.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_sdf::{Connectivity, largest_component};
///
/// let mask = arr3(&[[[true, false, true, true]]]);
/// let kept = largest_component(mask.view(), Connectivity::Corners26);
/// assert_eq!(kept, arr3(&[[[false, false, true, true]]]));
/// ```
#[must_use]
pub fn largest_component(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Array3<bool> {
    let components = connected_components(mask, connectivity);
    let largest = components.largest();
    components.labels.mapv(|label| Some(label) == largest)
}

/// Keeps the largest component of every class but 0, with [`Connectivity::Corners26`]; voxels of the others become 0.
///
/// # Examples
/// ```
/// use ndarray::arr3;
///
/// let mut labels = arr3(&[[[1, 0, 2, 1, 1, 0, 2, 2]]]);
/// semivox_sdf::keep_largest_components(&mut labels);
/// assert_eq!(labels, arr3(&[[[0, 0, 0, 1, 1, 0, 2, 2]]]));
/// ```
pub fn keep_largest_components(labels: &mut Array3<u8>) {
    let mut seen = [false; 256];
    labels
        .iter()
        .for_each(|&label| seen[usize::from(label)] = true);
    for class in (1..=u8::MAX).filter(|&class| seen[usize::from(class)]) {
        let mask = labels.mapv(|label| label == class);
        let kept = largest_component(mask.view(), Connectivity::Corners26);
        labels.zip_mut_with(&kept, |label, &kept| {
            if *label == class && !kept {
                *label = 0;
            }
        });
    }
}
