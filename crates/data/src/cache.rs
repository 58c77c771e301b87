//! Parallel loading of preprocessed cases into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::inspect::{CaseFacts, Role};
use crate::preprocess::{Preprocess, Preprocessed};
use crate::{DataError, LabelMap, LabeledCase, UnlabeledCase};

/// A labeled case after preprocessing.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledScan {
    /// Name of the case.
    pub id: String,
    /// The image, with the information to map results back to the file's grid.
    pub scan: Preprocessed,
    /// The label map on the image's grid.
    pub labels: LabelMap,
    /// Properties of the files, before preprocessing.
    pub facts: CaseFacts,
}

/// An unlabeled case after preprocessing, without a label map even if one is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlabeledScan {
    /// Name of the case.
    pub id: String,
    /// The image, with the information to map results back to the file's grid.
    pub scan: Preprocessed,
    /// Properties of the file, before preprocessing.
    pub facts: CaseFacts,
}

/// Reads and preprocesses labeled cases in parallel; the order is kept.
///
/// `classes` includes the background; `progress(done, total)` is called from several threads after each
/// case.
///
/// # Errors
///
/// The error of a case that cannot be read or is invalid; if there are several, any one of them.
pub fn load_labeled(
    cases: &[LabeledCase],
    preprocess: &Preprocess,
    classes: usize,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<Arc<LabeledScan>>, DataError> {
    let load = |case: &LabeledCase| {
        let (image, labels) = case.load_checked(classes)?;
        let facts = CaseFacts::of(&case.id, Role::Labeled, &image, Some(&labels));
        let preprocessed = preprocess.apply_labeled(&image, &labels);
        let (scan, labels) = preprocessed.map_err(|error| in_case(&case.id, error))?;
        Ok(LabeledScan {
            id: case.id.clone(),
            scan,
            labels,
            facts,
        })
    };
    load_all(cases, load, progress)
}

/// Names the case in an error of its preprocessing.
fn in_case(id: &str, source: DataError) -> DataError {
    DataError::InFile {
        file: id.into(),
        source: Box::new(source),
    }
}

/// Reads and preprocesses unlabeled cases in parallel; the order is kept.
///
/// # Errors
///
/// As for [`load_labeled`].
pub fn load_unlabeled(
    cases: &[UnlabeledCase],
    preprocess: &Preprocess,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<Arc<UnlabeledScan>>, DataError> {
    let load = |case: &UnlabeledCase| {
        let image = case.load()?;
        Ok(UnlabeledScan {
            id: case.id.clone(),
            scan: (preprocess.apply(&image)).map_err(|error| in_case(&case.id, error))?,
            facts: CaseFacts::of(&case.id, Role::Unlabeled, &image, None),
        })
    };
    load_all(cases, load, progress)
}

/// Maps items in parallel with progress reports; the order is kept.
///
/// # Errors
///
/// An error of `load`; items that were not started yet are then skipped.
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
    use crate::{Geometry, Source, Volume};
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
            let (scan, labels) = steps.apply_labeled(&image, &labels).unwrap();
            assert_eq!((&case.scan, &case.labels), (&scan, &labels));
        }
        let unlabeled = load_unlabeled(&dataset.unlabeled, &steps, |_, _| {}).unwrap();
        assert_eq!(unlabeled.len(), 1);
    }

    /// The error message for a case with these arrays.
    fn message(image: Array3<f32>, labels: Array3<u8>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let [image_path, label_path] =
            ["scan", "mask"].map(|n| dir.path().join(format!("{n}.nii")));
        let geometry = Geometry::default();
        crate::io::write_volume(&image_path, &Volume::new(image, geometry)).unwrap();
        crate::io::write_labels(&label_path, &LabelMap::new(labels, geometry)).unwrap();
        let case = LabeledCase {
            id: "a".into(),
            image: Source::File(image_path),
            label: Source::File(label_path),
        };
        let loaded = load_labeled(&[case], &Preprocess::default(), 2, |_, _| {});
        loaded.unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_files() {
        let text = message(Array3::zeros((3, 3, 3)), Array3::zeros((3, 3, 2)));
        assert!(
            text.contains("scan.nii") && text.contains("mask.nii"),
            "{text}"
        );
        let text = message(Array3::zeros((3, 3, 3)), Array3::from_elem((3, 3, 3), 7));
        assert!(
            text.contains("mask.nii") && text.contains("label 7"),
            "{text}"
        );
    }
}
