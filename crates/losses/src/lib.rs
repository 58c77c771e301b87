//! Segmentation, distillation and contrast losses for any Burn model.
