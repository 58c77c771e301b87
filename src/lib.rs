//! Segment medical volumes with few labels.
