//! Two-stream batches, patch positions, contrast sampling and feature queues.
