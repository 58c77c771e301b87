//! Losses, networks and samplers in every number format, and losses on both CPU backends.
//!
//! `cargo test --package semivox-trainer --test formats -- --nocapture` prints the rows of the table in
//! `docs/backends.md`.

#![allow(clippy::unwrap_used)]

#[path = "../common/alone.rs"]
mod alone;
mod inputs;
mod losses;
mod networks;
mod report;
mod samplers;
