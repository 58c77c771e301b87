//! Preprocessed cases held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::preprocess::{Preprocess, Preprocessed};
use crate::{DataError, LabelMap, LabeledCase, UnlabeledCase, Volume, check_labels};

/// A case as training sees it: preprocessed, with its label map if it has one.
///
/// # Examples
///
/// ```
/// use semivox_data::{cache::CachedCase, phantom::{PhantomConfig, atrium}, preprocess::Preprocess};
///
/// let (image, labels) = atrium(&PhantomConfig::default(), 0);
/// let case = CachedCase::new("phantom", &image, Some(&labels), &Preprocess::default())?;
/// assert_eq!(case.labels.map(|l| l.shape()), Some(case.scan.volume.shape()));
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CachedCase {
    /// The case's name.
    pub id: String,
    /// The image, and the way back to the file's grid.
    pub scan: Preprocessed,
    /// The label map on the image's grid; none in an unlabeled case.
    pub labels: Option<LabelMap>,
}

impl CachedCase {
    /// Preprocesses a case that is in memory.
    ///
    /// # Errors
    ///
    /// As [`Preprocess::apply_labeled`].
    pub fn new(
        id: impl Into<String>,
        image: &Volume,
        labels: Option<&LabelMap>,
        preprocess: &Preprocess,
    ) -> Result<Self, DataError> {
        let id = id.into();
        match labels {
            Some(labels) => {
                let (scan, labels) = preprocess.apply_labeled(image, labels)?;
                Ok(Self {
                    id,
                    scan,
                    labels: Some(labels),
                })
            }
            None => Ok(Self {
                id,
                scan: preprocess.apply(image)?,
                labels: None,
            }),
        }
    }
}

/// Reads and preprocesses labeled cases, in parallel, and keeps their order.
///
/// `classes` counts the background; `progress(done, total)` is called from
/// several threads after each case.
///
/// # Errors
///
/// The error of a case that cannot be read or does not fit; with several,
/// any one of them.
pub fn load_labeled(
    cases: &[LabeledCase],
    preprocess: &Preprocess,
    classes: usize,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<Arc<CachedCase>>, DataError> {
    let load = |case: &LabeledCase| {
        let (image, labels) = case.load()?;
        check_labels(&labels, classes)?;
        CachedCase::new(&case.id, &image, Some(&labels), preprocess)
    };
    load_all(cases, load, progress)
}

/// Reads and preprocesses unlabeled cases, in parallel, and keeps their order.
///
/// # Errors
///
/// As [`load_labeled`].
pub fn load_unlabeled(
    cases: &[UnlabeledCase],
    preprocess: &Preprocess,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<Arc<CachedCase>>, DataError> {
    let load = |case: &UnlabeledCase| CachedCase::new(&case.id, &case.load()?, None, preprocess);
    load_all(cases, load, progress)
}

/// Loads anything in parallel, in order, with progress.
///
/// # Errors
///
/// An error of `load`; the items not yet begun are then left out.
///
/// # Examples
///
/// ```
/// use semivox_data::cache::load_all;
///
/// let squares = load_all(&[1, 2, 3], |n| Ok::<_, String>(n * n), |_done, _total| {})?;
/// assert_eq!(*squares[2], 9);
/// # Ok::<(), String>(())
/// ```
pub fn load_all<I: Sync, T: Send + Sync, E: Send>(
    items: &[I],
    load: impl Fn(&I) -> Result<T, E> + Sync,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<Arc<T>>, E> {
    let done = AtomicUsize::new(0);
    let load_one = |item: &I| {
        let loaded = load(item)?;
        progress(done.fetch_add(1, Ordering::SeqCst) + 1, items.len());
        Ok(Arc::new(loaded))
    };
    items.par_iter().map(load_one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::phantom::{PhantomConfig, write_dataset};
    use crate::{Geometry, Source};
    use ndarray::Array3;

    #[test]
    fn cases_come_from_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let config = PhantomConfig {
            shape: [16, 16, 8],
            shape_jitter: [2, 0, 1],
            ..Default::default()
        };
        write_dataset(dir.path(), 3, 1, &config).unwrap();
        let dataset = crate::layout::la::open(dir.path())
            .unwrap()
            .keep_labeled(2)
            .unwrap();
        let calls = AtomicUsize::new(0);
        let count = |_done: usize, total: usize| {
            assert_eq!(total, 2);
            calls.fetch_add(1, Ordering::SeqCst);
        };
        let steps = Preprocess::default();
        let labeled = load_labeled(&dataset.labeled, &steps, 2, count).unwrap();
        assert_eq!(calls.into_inner(), 2);
        for (index, case) in labeled.iter().enumerate() {
            let (image, labels) = crate::phantom::atrium(&config, index as u64);
            let made = CachedCase::new(&case.id, &image, Some(&labels), &steps).unwrap();
            assert_eq!(**case, made);
        }
        let unlabeled = load_unlabeled(&dataset.unlabeled, &steps, |_, _| {}).unwrap();
        assert_eq!(unlabeled.len(), 1);
        assert!(unlabeled[0].labels.is_none());
    }

    #[test]
    fn errors_name_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let (image, label) = (
            dir.path().join("scan.nii.gz"),
            dir.path().join("mask.nii.gz"),
        );
        let geometry = Geometry::default();
        crate::io::write_volume(&image, &Volume::new(Array3::zeros((3, 3, 3)), geometry)).unwrap();
        crate::io::write_labels(&label, &LabelMap::new(Array3::zeros((3, 3, 2)), geometry))
            .unwrap();
        let case = LabeledCase {
            id: "a".into(),
            image: Source::Nifti(image),
            label: Source::Nifti(label),
        };
        let error = load_labeled(&[case], &Preprocess::default(), 2, |_, _| {}).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("scan.nii.gz") && text.contains("mask.nii.gz"),
            "{text}"
        );
    }
}
