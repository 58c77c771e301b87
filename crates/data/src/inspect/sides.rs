//! Comparison of names for left and right with the sides of the patient.

use std::collections::BTreeMap;

use ndarray::Axis;

use super::CaseFacts;
use crate::mirroring::left_and_right;
use crate::names::some_named;
use crate::{Image, LabelMap};

/// The way to decide which of the two is wrong.
const DECIDE: &str = "look at one of them in a viewer that shows left and right (the liver lies on the right): if the \
    anatomy is on the side that the viewer says, swap the two names in the description of the classes, else correct \
    the orientation in the headers of these scans and label maps";

/// Returns the mean position of each label's voxels towards the patient's right, in millimeters; empty if the file of the
/// image does not say which side is left.
pub(super) fn positions(image: &Image, labels: &LabelMap) -> BTreeMap<u8, f64> {
    if !image.knows_sides() {
        return BTreeMap::new();
    }
    let mut sums = [[0u64; 4]; 256];
    let rows = labels.shape()[1];
    for (lane, voxels) in labels.data.lanes(Axis(2)).into_iter().enumerate() {
        // Most voxels are background, which has no side.
        let drawn = voxels.iter().enumerate().filter(|(_, label)| **label > 0);
        for (z, &label) in drawn {
            let sum = &mut sums[usize::from(label)];
            for (part, index) in sum.iter_mut().zip([lane / rows, lane % rows, z, 1]) {
                *part += index as u64;
            }
        }
    }
    let mean = |[x, y, z, count]: [u64; 4]| {
        let index = [x, y, z].map(|sum| sum as f64 / count as f64);
        (count > 0).then(|| image.geometry().position(index)[0])
    };
    let found = (0..=u8::MAX).zip(sums);
    found
        .filter_map(|(label, sum)| Some((label, mean(sum)?)))
        .collect()
}

/// Returns a sentence about label maps in which a class that is named for the left lies on the patient's right of its
/// counterpart: about most of the maps, or about those that differ from most.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::inspect::{CaseFacts, Role, wrong_sides};
/// use semivox_data::io::{read_volume, write_volume};
/// use semivox_data::{Geometry, LabelMap, Volume};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scan.nii");
/// let data = array![[[0.0]], [[1.0]], [[2.0]]];
/// write_volume(&path, &Volume::new(data, Geometry::default()))?;
/// // The first axis of the scan points to the right, where label 1 lies.
/// let labels = LabelMap::new(array![[[2]], [[0]], [[1]]], Geometry::default());
/// let case = CaseFacts::of("a", Role::Labeled, &read_volume(&path)?.into(), Some(&labels));
///
/// let named = |names: [&str; 3]| wrong_sides(&names.map(String::from), std::slice::from_ref(&case));
/// assert!(named(["background", "right kidney", "left kidney"]).is_none());
/// assert!(named(["background", "left kidney", "right kidney"]).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wrong_sides(classes: &[String], cases: &[CaseFacts]) -> Option<String> {
    let pairs = left_and_right(classes);
    let judged = cases.iter().filter_map(|case| {
        let wrong = exchanged(case, &pairs)?;
        Some((case.id.as_str(), wrong))
    });
    let judged: Vec<(&str, Option<[u8; 2]>)> = judged.collect();
    let of = |is_wrong: bool| {
        judged
            .iter()
            .filter(move |(_, wrong)| wrong.is_some() == is_wrong)
    };
    let wrong: Vec<&str> = of(true).map(|(id, _)| *id).collect();
    let [left, right] = of(true).find_map(|(_, pair)| *pair)?;
    let [left, right] = [left, right].map(|label| &classes[usize::from(label)]);
    let found = format!(
        "`{left}` lies on the patient's right of `{right}` in {} of {} label maps ({})",
        wrong.len(),
        judged.len(),
        some_named(&wrong, "cases"),
    );
    Some(match 2 * wrong.len() > judged.len() {
        true => format!("names and sides contradict each other: {found}; {DECIDE}"),
        false => {
            format!("{found}, unlike the others: check these label maps and their orientation")
        }
    })
}

/// Returns a pair of labels that lies on the wrong sides, if most pairs of a label map do; `None` if no pair can be judged.
fn exchanged(case: &CaseFacts, pairs: &[[u8; 2]]) -> Option<Option<[u8; 2]>> {
    let [lateral, ..] = case.orientation.axes();
    // Centers closer than a voxel do not tell the sides.
    let least = case.spacing_mm[lateral];
    let apart = |&[left, right]: &[u8; 2]| {
        let distance = case.right_mm.get(&right)? - case.right_mm.get(&left)?;
        (distance.abs() >= least).then_some(([left, right], distance < 0.0))
    };
    let judged: Vec<([u8; 2], bool)> = pairs.iter().filter_map(apart).collect();
    let wrong: Vec<[u8; 2]> = judged
        .iter()
        .filter(|pair| pair.1)
        .map(|pair| pair.0)
        .collect();
    let most = 2 * wrong.len() > judged.len();
    (!judged.is_empty()).then(|| wrong.first().copied().filter(|_| most))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::inspect::Role;
    use crate::{Geometry, Orientation, SourceHeader, Volume};
    use ndarray::Array3;

    const NAMES: [&str; 4] = ["background", "left kidney", "right kidney", "liver"];

    fn classes() -> Vec<String> {
        NAMES.map(String::from).to_vec()
    }

    /// A case with `left` and `right` at these positions along an axis that points to the right, turned to an orientation.
    fn case(id: &str, [left, right]: [usize; 2], orientation: &str, known: bool) -> CaseFacts {
        let mut data = Array3::zeros((9, 4, 3));
        (data[[left, 1, 1]], data[[right, 2, 1]]) = (1, 2);
        let labels = LabelMap::new(data, Geometry::from_spacing([2.0, 1.0, 1.0]));
        let turn = Orientation::of(&labels.geometry).reorientation_to(orientation.parse().unwrap());
        let labels = turn.labels(&labels);
        let image = Volume::new(labels.data.mapv(f32::from), labels.geometry);
        let (shape, geometry) = (image.shape(), image.geometry);
        let header = match known {
            true => SourceHeader::new(shape, geometry, None, Vec::new()),
            false => SourceHeader::without_sides(shape, geometry, Vec::new()),
        };
        let image = image.with_header(Some(header));
        CaseFacts::of(id, Role::Labeled, &image.into(), Some(&labels))
    }

    #[test]
    fn most_maps_against_the_names_are_one_sentence_with_a_count() {
        let wrong = ["RAS", "LPS", "SLP"].map(|letters| case(letters, [7, 1], letters, true));
        let right = case("right", [1, 7], "PIR", true);
        let found = wrong_sides(
            &classes(),
            &[&wrong[..], std::slice::from_ref(&right)].concat(),
        )
        .unwrap();
        let expected = "names and sides contradict each other: `left kidney` lies on the patient's right of `right kidney` \
            in 3 of 4 label maps (`RAS`, `LPS`, `SLP`)";
        assert!(found.starts_with(expected), "{found}");
        assert!(found.contains("swap the two names") && found.contains("correct the orientation"));
        let others = [wrong[0].clone(), right.clone(), right.clone()];
        let found = wrong_sides(&classes(), &others).unwrap();
        assert!(
            found.contains("in 1 of 3 label maps (`RAS`), unlike the others"),
            "{found}"
        );
        assert_eq!(wrong_sides(&classes(), &[right.clone(), right]), None);
    }

    #[test]
    fn sides_that_no_header_or_name_tells_are_not_judged() {
        let wrong = case("a", [7, 1], "LPS", true);
        assert_eq!(wrong.right_mm[&1] - wrong.right_mm[&2], 12.0);
        let unknown = case("a", [7, 1], "LPS", false);
        assert!(unknown.right_mm.is_empty());
        assert_eq!(wrong_sides(&classes(), &[unknown]), None);
        let names = ["background", "left atrium", "right ventricle", "liver"].map(String::from);
        assert_eq!(wrong_sides(&names, std::slice::from_ref(&wrong)), None);
        // In one plane, neither is on the left.
        assert_eq!(
            wrong_sides(&classes(), &[case("a", [4, 4], "RAS", true)]),
            None
        );
        assert!(wrong_sides(&classes(), &[wrong]).is_some());
    }

    #[test]
    fn a_file_without_directions_does_not_know_sides() {
        let folder = tempfile::tempdir().unwrap();
        let knows = |name: &str, header: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, [header.as_bytes(), &[0; 2]].concat()).unwrap();
            let volume = crate::io::read_volume(&path).unwrap();
            volume.header().unwrap().knows_sides()
        };
        let meta = |lines: &str| {
            format!(
                "ObjectType = Image\nNDims = 3\nDimSize = 2 1 1\n{lines}ElementType = MET_UCHAR\n\
                 ElementDataFile = LOCAL\n"
            )
        };
        assert!(!knows("a.mha", &meta("ElementSpacing = 1 1 2\n")));
        assert!(knows(
            "b.mha",
            &meta("TransformMatrix = 1 0 0 0 1 0 0 0 1\n")
        ));
        let nrrd = |lines: &str| {
            format!(
                "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 1 1\nencoding: raw\n\
                 space: left-posterior-superior\n{lines}\n\n"
            )
        };
        assert!(!knows("c.nrrd", &nrrd("spacings: 1 1 2")));
        let directions = "space directions: (1,0,0) (0,1,0) (0,0,1)";
        assert!(knows("d.nrrd", &nrrd(directions)));
    }
}
