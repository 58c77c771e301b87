//! 3×3×3 and 1×3×3 convolutions with Winograd's minimal filtering along depth and height.
//!
//! The output is divided into tiles of 4×4 rows. A tile needs 6×6 rows of the input, and
//!
//! ```text
//! Y = Aᵀ [ Σ over channels and kw of (G g Gᵀ) · (Bᵀ X B) ] A
//! ```
//!
//! takes 36 products for sixteen rows where the direct form takes 144. The third axis is not transformed:
//! rows are in the lanes, and the transforms are sums of whole registers. Tiles are processed in blocks
//! whose 36 transformed copies stay in cache; each copy then takes one small matrix product with three taps
//! along the row. `A`, `G` and `B` are in [`filters`].
//!
//! For a kernel without extent along depth, every slice is processed separately in tiles of 4 rows that
//! need 6: 6 products for four rows where the direct form takes 12. In the code `D` is the number of
//! points along depth, 6 or 1.
//!
//! The weight's gradient uses the same tiles: `dg = Gᵀ [ Σ over tiles of (A dY Aᵀ) · (Bᵀ X B) ] G`.
//!
//! # References
//!
//! Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016, arXiv:1509.09308.

mod convolve;
mod correlate;
mod filters;
mod matrices;
mod panels;
mod rows;
mod tiles;
mod transform;

pub(crate) use convolve::convolve;
pub(crate) use correlate::weight_gradient;
pub(crate) use matrices::Transformed;
pub(crate) use tiles::Tiles;
