//! Annotations that preprocessing loses, since they are smaller than a voxel or cut off.

use std::sync::Arc;

use rayon::prelude::*;
use semivox_data::cache::LabeledScan;
use semivox_data::preprocess::Preprocess;

use crate::rounding::rounded;

/// Describes the voxels of a prepared case.
pub(crate) fn on_grid(case: &LabeledScan) -> String {
    let spacing = case.labels.geometry.spacing();
    let [x, y, z] = spacing.map(|side| rounded(side, 3));
    format!("in voxels of {x} × {y} × {z} mm")
}

/// Says which settings of preprocessing keep what is smaller than a voxel, or cut off.
pub(crate) fn advice(preprocess: &Preprocess) -> String {
    let size = match (preprocess.slice_size, preprocess.spacing_mm) {
        (Some(_), _) => {
            Some("a larger data.preprocess.slice_size keeps what is smaller than a voxel")
        }
        (_, Some(_)) => {
            Some("a smaller data.preprocess.spacing_mm keeps what is smaller than a voxel")
        }
        _ => None,
    };
    let margin = preprocess
        .foreground
        .map(|_| "a larger data.preprocess.foreground.margin_voxels keeps what is cut off");
    let both: Vec<&str> = size.into_iter().chain(margin).collect();
    both.join("; ")
}

/// Returns a sentence for each class of which preprocessing keeps less than half of the volume in some labeled case.
pub(crate) fn lost(
    classes: &[String],
    labeled: &[Arc<LabeledScan>],
    preprocess: &Preprocess,
) -> Vec<String> {
    let of_cases: Vec<Vec<u8>> = labeled.par_iter().map(|case| shrunk(case)).collect();
    let sentence = |(label, name): (u8, &String)| {
        let cases = labeled.iter().zip(&of_cases);
        let mut cases = cases.filter(|(_, shrunk)| shrunk.contains(&label));
        let (first, _) = cases.next()?;
        Some(format!(
            "less than half of label {label} ({name}) is left {} in {} of {} labeled cases, such as {}: {}",
            on_grid(first),
            1 + cases.count(),
            labeled.len(),
            first.id,
            advice(preprocess)
        ))
    };
    let named = (0..=u8::MAX).zip(classes).skip(1);
    named.filter_map(sentence).collect()
}

/// Returns the labels of which less than half of the volume is left.
fn shrunk(case: &LabeledScan) -> Vec<u8> {
    let mut left = [0_usize; 256];
    let labels = &case.labels.data;
    labels
        .iter()
        .for_each(|&label| left[usize::from(label)] += 1);
    let volume = |spacing: [f64; 3]| spacing.iter().product::<f64>();
    let [before, after] = [case.facts.spacing_mm, case.labels.geometry.spacing()].map(volume);
    let halved = |label: u8, drawn: usize| {
        left[usize::from(label)] as f64 * after < 0.5 * drawn as f64 * before
    };
    let drawn = case.facts.labels.iter();
    let shrunk = drawn.filter(|&(&label, &drawn)| label > 0 && halved(label, drawn));
    shrunk.map(|(&label, _)| label).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array3;
    use semivox_data::inspect::{CaseFacts, Role};
    use semivox_data::preprocess::{ForegroundCrop, Threshold};
    use semivox_data::{Geometry, LabelMap, Volume};

    /// A case of 0.5×0.5×2 mm with a large block of label 1, a voxel of label 2 and a part of label 3 that is cut off.
    fn case(id: &str, preprocess: &Preprocess) -> Arc<LabeledScan> {
        let geometry = Geometry::from_spacing([0.5, 0.5, 2.0]);
        let mut labels = Array3::zeros((40, 32, 10));
        labels.slice_mut(ndarray::s![4..20, 4..20, 2..8]).fill(1);
        labels[[31, 25, 5]] = 2;
        labels.slice_mut(ndarray::s![34..40, 4..30, 2..8]).fill(3);
        let image = labels.mapv(|label: u8| if label == 1 { 9.0 } else { 1.0 });
        let image = Volume::new(image, geometry);
        let labels = LabelMap::new(labels, geometry);
        let (scan, prepared) = preprocess.apply_labeled(&image, &labels).unwrap();
        Arc::new(LabeledScan {
            id: id.into(),
            scan,
            labels: prepared,
            facts: CaseFacts::of(id, Role::Labeled, &image.into(), Some(&labels)),
        })
    }

    fn told(preprocess: &Preprocess) -> Vec<String> {
        let labeled = ["a", "b"].map(|id| case(id, preprocess));
        let classes = ["background", "liver", "lesion", "vessel"].map(String::from);
        lost(&classes, &labeled, preprocess)
    }

    #[test]
    fn classes_that_preprocessing_loses_are_told_with_the_setting_to_change() {
        assert!(told(&Preprocess::default()).is_empty());
        let coarse = Preprocess {
            spacing_mm: Some([2.0; 3]),
            ..Preprocess::default()
        };
        assert_eq!(
            told(&coarse),
            [
                "less than half of label 2 (lesion) is left in voxels of 2 × 2 × 2 mm in 2 of 2 labeled cases, such as a: a smaller \
                 data.preprocess.spacing_mm keeps what is smaller than a voxel"
            ]
        );
        let slices = Preprocess {
            slice_size: Some([10, 8]),
            ..Preprocess::default()
        };
        let found = told(&slices);
        assert!(
            found[0].ends_with(
                "a larger data.preprocess.slice_size keeps what is smaller than a voxel"
            )
        );
        let crop = ForegroundCrop {
            threshold: Threshold::Above(5.0),
            margin_voxels: 2,
        };
        let cropped = Preprocess {
            foreground: Some(crop),
            ..Preprocess::default()
        };
        let found = told(&cropped);
        assert!(
            found.len() == 2 && found[1].contains("label 3 (vessel)"),
            "{found:?}"
        );
        assert!(found[1].ends_with(
            ": a larger data.preprocess.foreground.margin_voxels keeps what is cut off"
        ));
    }
}
