//! Exchange of left and right labels in mirrored patches.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::FlipParams;

/// Pairs of labels, such as left and right kidney, that are exchanged when an axis is mirrored.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::augment::{FlipParams, LabelSwap};
///
/// let swap = LabelSwap { axis: 0, pairs: vec![[1, 2]] };
/// let mut labels = array![[[1, 3]], [[0, 2]]];
/// swap.apply(FlipParams { axis: Some(0) }, &mut labels);
/// assert_eq!(labels, array![[[2, 3]], [[0, 1]]]);
/// swap.apply(FlipParams { axis: Some(1) }, &mut labels);
/// assert_eq!(labels, array![[[2, 3]], [[0, 1]]]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelSwap {
    /// The axis from left to right: 0, 1 or 2.
    pub axis: u8,
    /// The pairs of labels; empty to exchange nothing.
    pub pairs: Vec<[u8; 2]>,
}

impl LabelSwap {
    /// Whether nothing is exchanged.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Exchanges the labels of a patch that was mirrored by `flip`.
    pub fn apply(&self, flip: FlipParams, labels: &mut Array3<u8>) {
        if flip.axis == Some(self.axis) && !self.is_empty() {
            labels.mapv_inplace(|label| self.counterpart(label));
        }
    }

    /// The label of the same structure on the other side; the label itself if it has none.
    pub fn counterpart(&self, label: u8) -> u8 {
        let other = self.pairs.iter().find_map(|&[a, b]| match label {
            _ if label == a => Some(b),
            _ if label == b => Some(a),
            _ => None,
        });
        other.unwrap_or(label)
    }
}
