//! Overlap and surface metrics of segmentations in millimeters.
