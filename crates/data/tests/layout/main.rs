//! Layouts on made-up folders: what is found, and what is refused.

#![allow(clippy::unwrap_used)]

mod acdc;
mod folder;
mod hold_out;
mod la;
mod made;
mod msd;
