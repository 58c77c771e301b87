//! Label maps whose voxel values are not the class indices 0, 1, 2, ….

use std::sync::Arc;

/// A mapping from the values of a label map's voxels to class indices.
///
/// # Examples
///
/// ```
/// use semivox_data::LabelValues;
///
/// // Two values map to one class.
/// let values = LabelValues::new([(0, 0), (420, 1), (421, 1), (500, 2)]);
/// assert_eq!((values.class(421), values.class(1)), (Some(1), None));
/// assert_eq!(values.to_string(), "0, 420, 421, 500");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelValues(Arc<[(u32, u8)]>);

impl LabelValues {
    /// Creates a mapping from pairs of value and class; of pairs with the same value, one is kept.
    pub fn new(pairs: impl IntoIterator<Item = (u32, u8)>) -> Self {
        let mut pairs: Vec<(u32, u8)> = pairs.into_iter().collect();
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        Self(pairs.into())
    }

    /// The class of a value, if it is mapped.
    pub fn class(&self, value: u32) -> Option<u8> {
        let at = self.0.binary_search_by_key(&value, |pair| pair.0).ok()?;
        Some(self.0[at].1)
    }

    /// The number of classes, including the background.
    pub fn classes(&self) -> usize {
        let largest = self.0.iter().map(|pair| usize::from(pair.1)).max();
        largest.map_or(0, |class| class + 1)
    }
}

impl std::fmt::Display for LabelValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values: Vec<String> = self.0.iter().map(|pair| pair.0.to_string()).collect();
        f.write_str(&values.join(", "))
    }
}
