//! A network that trains together with heads which are not needed afterwards.

use burn::module::ModuleDisplay;
use burn::prelude::*;
use semivox_models::Network;

use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::one_stage::{HEADS, NETWORKS, Networks};
use crate::student_teacher::StudentTeacher;

/// A network and the heads on its maps, which one optimizer moves and of which only the network is evaluated.
#[derive(Module, Debug)]
pub struct WithHeads<H: Module> {
    /// The network, which a checkpoint keeps apart.
    pub network: Network,
    /// Its heads.
    pub heads: H,
}

/// The names of network and heads in a checkpoint, of a student and of a teacher.
const NAMES: [[&str; 2]; 2] = [[NETWORKS[0], HEADS[0]], [NETWORKS[1], HEADS[1]]];

impl<H: Module> WithHeads<H> {
    /// Writes both under their names.
    fn save_as(
        &self,
        checkpoint: &mut CheckpointWriter,
        [network, heads]: [&str; 2],
    ) -> Result<(), TrainError> {
        checkpoint.module(network, &self.network)?;
        checkpoint.module(heads, &self.heads)
    }

    /// Restores both.
    fn load_from(
        &mut self,
        checkpoint: &CheckpointReader,
        [network, heads]: [&str; 2],
    ) -> Result<(), TrainError> {
        self.network = checkpoint.module(network, self.network.clone())?;
        self.heads = checkpoint.module(heads, self.heads.clone())?;
        Ok(())
    }
}

impl<H: Module + ModuleDisplay> Networks for WithHeads<H> {
    type Trained = Self;

    fn trained(&mut self) -> &mut Self {
        self
    }

    fn network(&self) -> &Network {
        &self.network
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.save_as(checkpoint, NAMES[0])
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.load_from(checkpoint, NAMES[0])
    }
}

impl<H: Module + ModuleDisplay> Networks for StudentTeacher<WithHeads<H>> {
    type Trained = WithHeads<H>;

    fn trained(&mut self) -> &mut WithHeads<H> {
        &mut self.student
    }

    fn network(&self) -> &Network {
        &self.student.network
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.student.save_as(checkpoint, NAMES[0])?;
        self.teacher.save_as(checkpoint, NAMES[1])
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.student.load_from(checkpoint, NAMES[0])?;
        self.teacher.load_from(checkpoint, NAMES[1])
    }
}
