//! Decision whether scans may be mirrored from left to right.

use crate::{LabelMap, Orientation};

/// Decision whether scans may be mirrored from left to right, from the names and positions of their classes.
///
/// A network that is trained with a structure on both sides under one label cannot tell the sides apart. Pairs
/// of classes, such as a left and a right kidney, therefore exchange their labels when a scan is mirrored, and
/// scans are not mirrored if any other class lies on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirroring {
    /// Allowed: no class lies on one side.
    Harmless,
    /// Allowed if the two labels of each pair are exchanged.
    Paired(Vec<[u8; 2]>),
    /// Not allowed: this label lies on one side and has no counterpart.
    OneSided(u8),
    /// Not allowed: these two labels are a pair by their names, but lie on the same side.
    NotApart([u8; 2]),
}

/// Share of a class's voxels on one side from which the class is considered to lie there.
const ONE_SIDE: f64 = 0.75;
/// Minimum difference between the shares of two classes on one side, for a pair of left and right.
const APART: f64 = 0.25;

impl Mirroring {
    /// Decides from the names of the classes and the share of their voxels on the right (`None` for a class without
    /// voxels).
    pub(crate) fn new(classes: &[String], on_the_right: &[Option<f64>]) -> Self {
        let pairs = pairs(classes);
        let share = |label: u8| on_the_right.get(usize::from(label)).copied().flatten();
        let together = |&&[a, b]: &&[u8; 2]| match (share(a), share(b)) {
            (Some(a), Some(b)) => (a - b).abs() < APART,
            _ => false,
        };
        if let Some(&pair) = pairs.iter().find(together) {
            return Self::NotApart(pair);
        }
        let labels = 1..u8::try_from(classes.len()).unwrap_or(u8::MAX);
        let mut unpaired = labels.filter(|label| !pairs.iter().any(|pair| pair.contains(label)));
        let one_sided = |&label: &u8| share(label).is_some_and(|s| s.max(1.0 - s) >= ONE_SIDE);
        match unpaired.find(one_sided) {
            Some(label) => Self::OneSided(label),
            None if pairs.is_empty() => Self::Harmless,
            None => Self::Paired(pairs),
        }
    }

    /// Returns the pairs of labels to be exchanged.
    pub fn pairs(&self) -> &[[u8; 2]] {
        match self {
            Self::Paired(pairs) => pairs,
            _ => &[],
        }
    }

    /// Returns whether scans may be mirrored at all.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Harmless | Self::Paired(_))
    }

    /// Returns the decision and its reason in one sentence, with the names of the classes.
    pub fn sentence(&self, classes: &[String]) -> String {
        let name = |&label: &u8| match classes.get(usize::from(label)) {
            Some(name) => format!("{label} ({name})"),
            None => label.to_string(),
        };
        match self {
            Self::Harmless => "mirrored left to right: no class lies on one side".into(),
            Self::Paired(pairs) => {
                let named = pairs
                    .iter()
                    .map(|[a, b]| format!("{} and {}", name(a), name(b)));
                let named = named.collect::<Vec<_>>().join(", ");
                format!("mirrored left to right, labels exchanged: {named}")
            }
            Self::OneSided(label) => format!(
                "not mirrored: label {} lies on one side, and no class is named as its counterpart",
                name(label)
            ),
            Self::NotApart([a, b]) => format!(
                "not mirrored: labels {} and {} are a pair by name and lie on the same side; \
                 check the orientation of the scans",
                name(a),
                name(b)
            ),
        }
    }
}

/// Returns the share of each class's voxels in the right half of the volume; `None` for classes without voxels.
pub(crate) fn shares_on_the_right(labels: &LabelMap, classes: usize) -> Vec<Option<f64>> {
    let orientation = Orientation::of(&labels.geometry);
    let [axis, ..] = orientation.axes();
    let towards_right = orientation.to_string().contains('R');
    let side = labels.data.shape()[axis];
    let mut counts = vec![[0u64; 2]; classes];
    for (index, &label) in labels.data.indexed_iter() {
        // Doubled coordinates, as the middle plane may lie within a voxel.
        let position = 2 * [index.0, index.1, index.2][axis] + 1;
        let Some([right, all]) = counts.get_mut(usize::from(label)) else {
            continue;
        };
        *all += 2;
        *right += match position.cmp(&side) {
            std::cmp::Ordering::Equal => 1,
            order => 2 * u64::from((order == std::cmp::Ordering::Greater) == towards_right),
        };
    }
    let share = |[right, all]: [u64; 2]| (all > 0).then(|| right as f64 / all as f64);
    counts.into_iter().map(share).collect()
}

/// Beginnings of words for parts of the heart, whose left and right are not mirror images of one another, unlike
/// the lateral ventricles of the brain.
const HEART: [&str; 7] = [
    "ventric", "atri", "auric", "heart", "card", "coronary", "myocard",
];

/// Finds pairs of labels whose names differ only in a word for left or right, the smaller label first.
fn pairs(classes: &[String]) -> Vec<[u8; 2]> {
    let sided = left_and_right(classes).into_iter();
    sided.map(|[a, b]| [a.min(b), a.max(b)]).collect()
}

/// Finds pairs of labels whose names differ only in a word for left or right, the left one first.
pub(crate) fn left_and_right(classes: &[String]) -> Vec<[u8; 2]> {
    let sided: Vec<Option<(bool, String)>> = classes.iter().map(|name| side(name)).collect();
    let labels = 1..u8::try_from(classes.len()).unwrap_or(u8::MAX);
    let left = labels
        .clone()
        .filter_map(|label| match &sided[usize::from(label)] {
            Some((true, structure)) => Some((label, structure)),
            _ => None,
        });
    let mut pairs: Vec<[u8; 2]> = Vec::new();
    for (left, structure) in left {
        let wanted = Some((false, structure.clone()));
        let free = |&l: &u8| !pairs.iter().any(|pair| pair.contains(&l));
        let mut rights = labels.clone().filter(|&l| sided[usize::from(l)] == wanted);
        if let Some(right) = rights.find(free) {
            pairs.push([left, right]);
        }
    }
    pairs
}

/// Splits a name into its side (`true` for left) and the rest; `None` for names without a side.
fn side(name: &str) -> Option<(bool, String)> {
    let words = words(name);
    let of = |word: &str| match word {
        "left" | "l" | "lt" | "lh" | "lhs" => Some(true),
        "right" | "r" | "rt" | "rh" | "rhs" => Some(false),
        _ => None,
    };
    let at = words.iter().position(|word| of(word).is_some())?;
    let left = of(&words[at])?;
    let others = words.iter().enumerate().filter(|&(i, _)| i != at);
    let structure: Vec<&str> = others.map(|(_, word)| word.as_str()).collect();
    let lateral = structure.contains(&"lateral");
    let of_the_heart = structure
        .iter()
        .any(|word| HEART.iter().any(|part| word.starts_with(part)));
    (lateral || !of_the_heart).then(|| (left, structure.join(" ")))
}

/// Splits a name into words in lower case.
///
/// Words end at characters other than letters and digits, and where a capital letter follows a small one; a side
/// written together with its structure is a separate word.
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && after_small) {
            spaced.push(' ');
        }
        if letter.is_alphanumeric() {
            spaced.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase();
    }
    let split = |word: &str| -> Vec<String> {
        let side = ["left", "right"].into_iter().find_map(|side| {
            let structure = word.strip_prefix(side).or(word.strip_suffix(side))?;
            (structure.len() > 2).then(|| vec![side.to_string(), structure.to_string()])
        });
        side.unwrap_or_else(|| vec![word.to_string()])
    };
    spaced.split_whitespace().flat_map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Geometry;
    use ndarray::Array3;

    fn names(names: &[&str]) -> Vec<String> {
        let all = ["background"].iter().chain(names);
        all.map(|name| name.to_string()).collect()
    }

    #[test]
    fn pairs_are_told_by_one_word() {
        for [left, right] in [
            ["left kidney", "right kidney"],
            ["kidney_L", "kidney_R"],
            ["Left-Hippocampus", "Right-Hippocampus"],
            ["lh.cortex", "rh.cortex"],
            ["KidneyLeft", "KidneyRight"],
            ["leftlung", "rightlung"],
            ["Lung upper lobe left", "Lung upper lobe right"],
            ["left lateral ventricle", "right lateral ventricle"],
        ] {
            assert_eq!(pairs(&names(&[right, "liver", left])), [[1, 3]], "{left}");
        }
        let twice = ["left kidney", "right kidney", "Left_Kidney"];
        assert_eq!(pairs(&names(&twice)), [[1, 2]], "each label is in one pair");
        for others in [
            ["left atrium", "right ventricle"],
            ["left ventricle", "right ventricle"],
            ["LeftAtrium", "RightAtrium"],
            ["kidney", "left kidney"],
            ["bright spot", "spot"],
            ["liver", "spleen"],
        ] {
            assert!(pairs(&names(&others)).is_empty(), "{others:?}");
        }
    }

    #[test]
    fn decisions_follow_from_names_and_places() {
        let decide = |classes: &[&str], shares: &[f64]| {
            let shares: Vec<Option<f64>> = [None]
                .into_iter()
                .chain(shares.iter().map(|&s| Some(s)))
                .collect();
            Mirroring::new(&names(classes), &shares)
        };
        let kidneys = ["right kidney", "left kidney"];
        assert_eq!(
            decide(&kidneys, &[0.9, 0.1]),
            Mirroring::Paired(vec![[1, 2]])
        );
        assert_eq!(decide(&kidneys, &[0.5, 0.5]), Mirroring::NotApart([1, 2]));
        let three = ["right kidney", "left kidney", "liver"];
        assert_eq!(decide(&three, &[0.9, 0.1, 0.8]), Mirroring::OneSided(3));
        assert_eq!(
            decide(&["ball 1", "ball 2"], &[0.9, 0.1]),
            Mirroring::OneSided(1)
        );
        assert_eq!(decide(&["tumor"], &[0.4]), Mirroring::Harmless);
        let sentence = decide(&kidneys, &[0.9, 0.1]).sentence(&names(&kidneys));
        assert!(
            sentence.contains("exchanged: 1 (right kidney) and 2 (left kidney)"),
            "{sentence}"
        );
    }

    #[test]
    fn the_right_is_found_in_every_orientation() {
        // One voxel of label 1 far on the right, one of label 2 in the middle plane.
        let data = Array3::from_shape_fn((5, 1, 1), |(x, ..)| match x {
            4 => 1,
            2 => 2,
            _ => 0,
        });
        let labels = LabelMap::new(data, Geometry::from_spacing([1.0; 3]));
        for orientation in ["RAS", "LPS", "ASL", "SRA"] {
            let wanted = orientation.parse().expect("an orientation");
            let turned = Orientation::of(&labels.geometry)
                .reorientation_to(wanted)
                .labels(&labels);
            let shares = shares_on_the_right(&turned, 4);
            assert_eq!(shares[1..], [Some(1.0), Some(0.5), None], "{orientation}");
        }
    }
}
