//! The losses of ACTION's stages.

use semivox_losses::{
    AnatomicalContrastiveLoss, AnatomicalContrastiveLossConfig, DiceCrossEntropyLoss,
    GlobalDistillationLoss, GlobalDistillationLossConfig, LocalDistillationLoss,
    LocalDistillationLossConfig, UnsupervisedCrossEntropyLoss, UnsupervisedCrossEntropyLossConfig,
};

use super::{ActionConfig, Temperatures};
use crate::recipes::supervised::supervised_loss;

/// `L_sup`, `L_global`, `L_local`, `L_unsup` and `L_anco`.
pub(super) struct Losses {
    pub(super) supervised: DiceCrossEntropyLoss,
    pub(super) global: GlobalDistillationLoss,
    pub(super) local: LocalDistillationLoss,
    pub(super) unsupervised: UnsupervisedCrossEntropyLoss,
    pub(super) contrast: AnatomicalContrastiveLoss,
}

impl Losses {
    pub(super) fn new(config: &ActionConfig, temperatures: Temperatures) -> Self {
        let global = GlobalDistillationLossConfig::new()
            .with_student_temperature(temperatures.student)
            .with_teacher_temperature(temperatures.teacher);
        let local = LocalDistillationLossConfig::new()
            .with_student_temperature(temperatures.student)
            .with_teacher_temperature(temperatures.teacher)
            .with_form(config.local_loss);
        let unsupervised = UnsupervisedCrossEntropyLossConfig::new()
            .with_confidence_threshold(config.strong_threshold);
        let contrast =
            AnatomicalContrastiveLossConfig::new().with_temperature(temperatures.contrast);
        Self {
            supervised: supervised_loss(),
            global: global.init(),
            local: local.init(),
            unsupervised: unsupervised.init(),
            contrast: contrast.init(),
        }
    }
}
