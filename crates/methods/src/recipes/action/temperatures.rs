//! The temperatures of ACTION's losses, which ACTION++ schedules.

use super::config::ActionConfig;

/// The temperatures of one training step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Temperatures {
    /// `τ_s`, the student's temperature in both distillation losses.
    pub(crate) student: f64,
    /// `τ_t`, the teacher's temperature in both distillation losses.
    pub(crate) teacher: f64,
    /// `τ`, the temperature of the contrast.
    pub(crate) contrast: f64,
}

impl ActionConfig {
    /// Returns the temperatures of the settings.
    pub(crate) fn temperatures(&self) -> Temperatures {
        Temperatures {
            student: self.student_temperature,
            teacher: self.teacher_temperature,
            contrast: self.contrast_temperature,
        }
    }
}
