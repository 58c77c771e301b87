//! Label maps whose voxel values are not the class indices 0, 1, 2, ….

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The label of voxels that take no part in losses and metrics, since nobody has drawn there.
///
/// A file's voxels get it by [`LabelValues`] alone: a 255 that no description calls ignored is refused.
pub const IGNORED: u8 = u8::MAX;

/// A mapping from the values of a label map's voxels to class indices, or to [`IGNORED`].
///
/// # Examples
///
/// ```
/// use semivox_data::{IGNORED, LabelValues};
///
/// // Two values map to one class, and one to none.
/// let values = LabelValues::new([(0, 0), (420, 1), (421, 1), (500, 2), (999, IGNORED)]);
/// assert_eq!((values.class(421), values.class(1)), (Some(1), None));
/// assert_eq!((values.value(1), values.classes()), (Some(420), 3));
/// assert_eq!(values.ignored().collect::<Vec<_>>(), [999]);
/// assert_eq!(values.to_string(), "0, 420, 421, 500, 999");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u32, u8)>", into = "Vec<(u32, u8)>")]
pub struct LabelValues(Arc<[(u32, u8)]>);

impl LabelValues {
    /// Creates a mapping from pairs of value and class; of pairs with the same value, one is kept.
    pub fn new(pairs: impl IntoIterator<Item = (u32, u8)>) -> Self {
        let mut pairs: Vec<(u32, u8)> = pairs.into_iter().collect();
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        Self(pairs.into())
    }

    /// The class of a value, or [`IGNORED`], if it is mapped.
    pub fn class(&self, value: u32) -> Option<u8> {
        let at = self.0.binary_search_by_key(&value, |pair| pair.0).ok()?;
        Some(self.0[at].1)
    }

    /// The value of a class, the least if it has several; `None` if it has none.
    pub fn value(&self, class: u8) -> Option<u32> {
        let found = self.0.iter().find(|pair| pair.1 == class);
        found.map(|pair| pair.0)
    }

    /// The largest value of a class, 0 without any.
    pub fn largest(&self) -> u32 {
        let classes = self.0.iter().filter(|pair| pair.1 != IGNORED);
        classes.map(|pair| pair.0).max().unwrap_or(0)
    }

    /// The values of voxels that are ignored.
    pub fn ignored(&self) -> impl Iterator<Item = u32> + '_ {
        let ignored = self.0.iter().filter(|pair| pair.1 == IGNORED);
        ignored.map(|pair| pair.0)
    }

    /// The values with the class of each, or [`IGNORED`], in ascending order of the values.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u8)> + '_ {
        self.0.iter().copied()
    }

    /// The number of classes, including the background.
    pub fn classes(&self) -> usize {
        let classes = self.0.iter().map(|pair| pair.1);
        let largest = classes.filter(|&class| class != IGNORED).max();
        largest.map_or(0, |class| usize::from(class) + 1)
    }

    /// Whether every class is its own value, so that label maps of classes need no mapping back.
    pub fn are_classes(&self) -> bool {
        let mut kept = self.0.iter().filter(|pair| pair.1 != IGNORED);
        kept.all(|&(value, class)| value == u32::from(class))
    }
}

impl From<Vec<(u32, u8)>> for LabelValues {
    fn from(pairs: Vec<(u32, u8)>) -> Self {
        Self::new(pairs)
    }
}

impl From<LabelValues> for Vec<(u32, u8)> {
    fn from(values: LabelValues) -> Self {
        values.0.to_vec()
    }
}

impl std::fmt::Display for LabelValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values: Vec<String> = self.0.iter().map(|pair| pair.0.to_string()).collect();
        f.write_str(&values.join(", "))
    }
}
