//! Two networks that one optimizer trains together.

use burn::module::ModuleDisplay;
use burn::prelude::*;
use semivox_models::Network;

use crate::checkpoint::StateVisitor;
use crate::error::MethodError;
use crate::stage::State;

/// A network and a second one, or further decoders, trained beside it; the first network is evaluated.
#[derive(Module, Debug)]
pub struct Pair<S: Module> {
    /// The network that is evaluated.
    pub first: Network,
    /// Another network, or one or several decoders on the encoder of the first.
    pub second: S,
}

impl<S: Module + ModuleDisplay> State for Pair<S> {
    type Trained = Self;

    fn trained(&mut self) -> &mut Self {
        self
    }

    fn student(&self) -> &Network {
        &self.first
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        visitor.module("student", &mut self.first)?;
        visitor.module("second", &mut self.second)
    }
}
