//! A student and its teacher, the pair that the mean-teacher family trains.

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Network, NetworkOutput};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::ema::{ema_update, ema_update_with_buffers, teacher_of, warmed_up};
use crate::error::TrainError;
use crate::one_stage::{NETWORKS, Networks};
use crate::step_context::StepContext;

/// How the teacher runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherMode {
    /// Batch statistics and dropout, as in training.
    Train,
    /// Running statistics, no dropout.
    Eval,
}

/// A student's module and the moving average of its parameters.
#[derive(Debug, Clone)]
pub struct StudentTeacher<M> {
    /// What is trained.
    pub student: M,
    /// Its average, without gradients.
    pub teacher: M,
}

impl<M: Module> StudentTeacher<M> {
    /// The teacher starts as the student.
    pub fn new(student: M) -> Self {
        Self {
            teacher: teacher_of(&student),
            student,
        }
    }

    /// Makes the teacher what the student is.
    pub fn restart_teacher(&mut self) {
        self.teacher = teacher_of(&self.student);
    }

    /// `θ_t ← m·θ_t + (1 − m)·θ_s`; in evaluation mode the buffers follow the student's.
    pub fn move_teacher(&mut self, momentum: f64, mode: TeacherMode) {
        let update = match mode {
            TeacherMode::Train => ema_update,
            TeacherMode::Eval => ema_update_with_buffers,
        };
        self.teacher = update(self.teacher.clone(), &self.student, momentum);
    }

    /// The same in training mode with `m_t = min(1 − 1/(t+1), m)`, as the mean-teacher family does.
    pub fn follow(&mut self, momentum: f64, at: &StepContext) {
        self.move_teacher(warmed_up(momentum, at.stage_step), TeacherMode::Train);
    }

    /// Writes both under their names, the student's first.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn save_as(
        &self,
        checkpoint: &mut CheckpointWriter,
        [student, teacher]: [&str; 2],
    ) -> Result<(), TrainError> {
        checkpoint.module(student, &self.student)?;
        checkpoint.module(teacher, &self.teacher)
    }

    /// Restores both.
    ///
    /// # Errors
    /// If the checkpoint is incomplete or belongs to other modules.
    pub fn load_from(
        &mut self,
        checkpoint: &CheckpointReader,
        [student, teacher]: [&str; 2],
    ) -> Result<(), TrainError> {
        self.student = checkpoint.module(student, self.student.clone())?;
        self.teacher = checkpoint.module(teacher, self.teacher.clone())?;
        Ok(())
    }
}

impl StudentTeacher<Network> {
    /// The teacher's answer, which never carries a gradient.
    pub fn teach(&self, images: Tensor<5>, mode: TeacherMode) -> NetworkOutput {
        match mode {
            TeacherMode::Train => self.teacher.forward(images),
            TeacherMode::Eval => self.teacher.valid().forward(images.inner()),
        }
    }
}

impl Networks for StudentTeacher<Network> {
    type Trained = Network;

    fn trained(&mut self) -> &mut Network {
        &mut self.student
    }

    fn network(&self) -> &Network {
        &self.student
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.save_as(checkpoint, NETWORKS)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.load_from(checkpoint, NETWORKS)
    }
}
