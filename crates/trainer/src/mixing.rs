//! Region mixing of unlabeled images with their pseudo-labels.
//!
//! ```text
//! x ← M·x_i + (1 − M)·x_j,   j = (i + 1) mod B
//! ```
//!
//! The same mask `M` mixes image, pseudo-label and confidence.
