//! 3D tensor operators for Burn with their gradients.
