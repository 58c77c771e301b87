//! A network together with heads that are used in training only.

use burn::module::ModuleDisplay;
use burn::prelude::*;
use semivox_models::Network;

use crate::checkpoint::StateVisitor;
use crate::error::MethodError;
use crate::stage::State;
use crate::student_teacher::StudentTeacher;

/// A network and heads on its feature maps, trained by one optimizer; only the network is evaluated.
#[derive(Module, Debug)]
pub struct WithHeads<H: Module> {
    /// The network, which a checkpoint stores in a file of its own.
    pub network: Network,
    /// Its heads.
    pub heads: H,
}

impl<H: Module + ModuleDisplay> State for WithHeads<H> {
    type Trained = Self;

    fn trained(&mut self) -> &mut Self {
        self
    }

    fn student(&self) -> &Network {
        &self.network
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        visitor.module("student", &mut self.network)?;
        visitor.module("heads", &mut self.heads)
    }
}

impl<H: Module + ModuleDisplay> State for StudentTeacher<WithHeads<H>> {
    type Trained = WithHeads<H>;

    fn trained(&mut self) -> &mut WithHeads<H> {
        &mut self.student
    }

    fn student(&self) -> &Network {
        &self.student.network
    }

    fn teacher(&self) -> Option<&Network> {
        Some(&self.teacher.network)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        self.student.visit_state(visitor)?;
        visitor.module("teacher", &mut self.teacher.network)?;
        visitor.module("teacher_heads", &mut self.teacher.heads)
    }
}
