//! A student and its teacher, as in the mean-teacher family.

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Network, NetworkOutput};
use serde::{Deserialize, Serialize};

use crate::checkpoint::StateVisitor;
use crate::ema::{ema_update, ema_update_with_buffers, teacher_of, warmed_up};
use crate::error::MethodError;
use crate::stage::{Handover, State};
use crate::step_context::StepContext;

/// Mode of the teacher's forward passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherMode {
    /// Batch statistics and dropout, as in training.
    Train,
    /// Running statistics, no dropout.
    Eval,
}

impl TeacherMode {
    /// Computes the teacher's output, through which no gradient flows.
    pub fn forward(self, teacher: &Network, images: Tensor<5>) -> NetworkOutput {
        match self {
            Self::Train => teacher.forward(images),
            Self::Eval => teacher.valid().forward(images.inner()),
        }
    }

    /// Updates the teacher, `θ_t ← m·θ_t + (1 − m)·θ_s`; in evaluation mode it also copies the student's buffers.
    pub fn update<M: Module>(self, teacher: &mut M, student: &M, momentum: f64) {
        let update = match self {
            Self::Train => ema_update,
            Self::Eval => ema_update_with_buffers,
        };
        *teacher = update(teacher.clone(), student, momentum);
    }
}

/// A student's module and the moving average of its parameters.
#[derive(Debug, Clone)]
pub struct StudentTeacher<M> {
    /// The trained module.
    pub student: M,
    /// Its moving average, without gradients.
    pub teacher: M,
}

impl<M: Module> StudentTeacher<M> {
    /// Creates the pair; the teacher starts as a copy of the student.
    pub fn new(student: M) -> Self {
        Self {
            teacher: teacher_of(&student),
            student,
        }
    }

    /// Updates the teacher, `θ_t ← m·θ_t + (1 − m)·θ_s`.
    pub fn update_teacher(&mut self, momentum: f64) {
        TeacherMode::Train.update(&mut self.teacher, &self.student, momentum);
    }

    /// Updates the teacher with the warmed-up momentum `m_t = min(1 − 1/(t+1), m)`, as the mean-teacher family does.
    pub fn update_warmed_up(&mut self, momentum: f64, at: &StepContext) {
        self.update_teacher(warmed_up(momentum, at.stage_step));
    }
}

impl From<Handover> for StudentTeacher<Network> {
    /// Takes student and teacher of the previous stage, or makes a new teacher if there was none.
    fn from(networks: Handover) -> Self {
        let Handover { student, teacher } = networks;
        Self {
            teacher: teacher.unwrap_or_else(|| teacher_of(&student)),
            student,
        }
    }
}

impl State for StudentTeacher<Network> {
    type Trained = Network;

    fn trained(&mut self) -> &mut Network {
        &mut self.student
    }

    fn student(&self) -> &Network {
        &self.student
    }

    fn teacher(&self) -> Option<&Network> {
        Some(&self.teacher)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        visitor.module("student", &mut self.student)?;
        visitor.module("teacher", &mut self.teacher)
    }
}
