//! Detection and opening of data sets on disk.
//!
//! A layout decides which cases are labeled, unlabeled and held out. It uses file names and lists only and
//! reads no voxels, with one exception: without a description of the classes, [`folder`] reads the label maps of
//! labeled cases to find their number.
//!
//! | layout | files |
//! |---|---|
//! | [`la`] | `images/`, `labels/`, `train.list`, `test.list`; or one folder per case with `mri_norm2.h5` |
//! | [`acdc`] | `images/`, `labels/`, `train.list`, `val.list`; or `patientNNN_frameNN_slice_K.h5` and `patientNNN_frameNN.h5` |
//! | [`pancreas`] | `imageNNNN_norm.h5` in `Pancreas_h5/`, `train.list`, `test.list` or `Flods/` |
//! | [`msd`] | `dataset.json`, `imagesTr/`, `labelsTr/`, `imagesTs/`, `labelsTs/` |
//! | [`folder`] | `images/`, `labels/` with the same file names for some of them, optional `classes.txt` and `channels.txt`, or a `dataset.json` without lists of cases |
//!
//! An image of several channels is one file for each, `NAME_0000`, `NAME_0001`, …, or one NIfTI file with an axis of
//! channels; `dataset.json` or `channels.txt`, a name a line, say how many there are.

pub mod acdc;
pub mod folder;
pub mod la;
pub mod mend;
pub mod msd;
mod own_description;
pub mod pancreas;

mod acdc_hdf5;
mod acdc_names;
mod assemble;
mod channels;
mod classes;
mod described;
mod description;
mod entry;
mod file_names;
mod files;
mod guess;
mod hold_out;
mod json;
mod kind;
mod lists;
mod pairing;
mod scans;
mod segments;
mod split;
mod subfolders;
mod text;
mod whole;

pub use classes::read_classes;
pub use entry::header_of;
pub use file_names::stem;
pub use files::volumes;
pub use hold_out::HoldOut;
pub use kind::Layout;
pub(crate) use lists::case_name;
pub use scans::{Scans, scan, scans};
pub(crate) use split::open_readable;
pub use split::{open_held_out, open_labeled, open_split, open_split_as};
pub use text::composed;
pub(crate) use text::read_text;
pub use whole::{detect, open};
