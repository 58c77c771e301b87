//! Layouts on temporary folders: cases found, and errors.

#![allow(clippy::unwrap_used)]

mod acdc;
mod described;
mod folder;
mod hold_out;
mod la;
mod lists;
mod made;
mod msd;
mod numbers;
mod own_description;
mod patients;
mod segments;
