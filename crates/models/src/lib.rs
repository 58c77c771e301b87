//! V-Net and the heads of contrastive distillation, on Burn.
