//! Weak and strong augmentation of training patches.

mod strong;
mod weak;

pub use strong::{StrongParams, StrongView};
pub use weak::{Symmetries, WeakParams, WeakView};

#[cfg(test)]
mod tests;
