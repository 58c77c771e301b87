//! Exact Euclidean distance transforms, signed distance maps and connected components of 3D masks.
//!
//! Masks are [`ndarray`] views of `bool` with index order `[x, y, z]`; spacing is `[f64; 3]` in
//! millimeters, one value per axis in the same order. The crate needs no deep learning framework.
//!
//! | result | function |
//! |---|---|
//! | distance of each mask voxel to the background | [`distance_transform`], [`squared_distance_transform`] |
//! | distance of every voxel to a set of voxels | [`squared_distance_to`] |
//! | regression target that is negative inside | [`signed_distance_map`] |
//! | surface voxels | [`border`], [`border_by_axis`] |
//! | connected components | [`connected_components`], [`largest_component`], [`keep_largest_components`] |
//!
//! # Examples
//!
//! ```
//! use ndarray::Array3;
//! use semivox_sdf::distance_transform;
//!
//! let mut mask = Array3::from_elem((3, 3, 3), true);
//! mask[[0, 0, 0]] = false;
//! let distance = distance_transform(mask.view(), [1.0, 1.0, 2.0]);
//! assert_eq!(distance[[0, 0, 0]], 0.0);
//! assert_eq!(distance[[0, 0, 2]], 4.0);
//! ```

mod border;
mod components;
mod envelope;
mod error;
mod flat;
mod signed;
mod transform;

pub use border::{Edge, border, border_by_axis};
pub use components::{
    Components, Connectivity, connected_components, keep_largest_components, largest_component,
};
pub use error::SdfError;
pub use flat::{squared_distance_transform_1d, squared_distance_transform_2d};
pub use signed::{SignedDistance, signed_distance_map};
pub use transform::{
    check_spacing, distance_transform, squared_distance_to, squared_distance_transform,
};
