//! Suspicious findings that may be intended.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::{CaseFacts, intensities};
use crate::{Image, Orientation};

/// Ratio of spacings above which a warning is issued.
const SPACING_FACTOR: f64 = 3.0;

/// Sides of voxels from micrographs to the thickest slices.
const PLAUSIBLE_MM: RangeInclusive<f64> = 0.0005..=50.0;

/// Returns a sentence for each kind of suspicious finding, with its cases, except [`mixed_orientations`].
pub fn warnings(cases: &[CaseFacts]) -> Vec<String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for case in cases {
        let mut warn = |kind| found.push((&case.id, kind));
        intensities::doubts(case, cases)
            .into_iter()
            .for_each(&mut warn);
        if !case.labels.is_empty() && case.labels.keys().all(|&label| label == 0) {
            warn("its label map contains only background");
        }
        if case.labels.is_empty() && case.ignored > 0 {
            warn("all voxels of its label map are ignored");
        }
        if case.spacing_mm.iter().any(|mm| !PLAUSIBLE_MM.contains(mm)) {
            warn(
                "its voxels have sides of over 50 mm or under 0.5 µm: correct the spacing, as the plan and all distances \
                 follow it",
            );
        }
        case.notes.iter().for_each(|note| warn(note));
    }
    let mut found = notes_by_kind(found);
    found.extend(mixed_spacings(cases));
    found
}

/// Joins notes on cases, pairs of a case's name and a note: one sentence for each note, with the cases that have it.
fn notes_by_kind(notes: Vec<(&str, &str)>) -> Vec<String> {
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, note) in notes {
        by_kind.entry(note).or_default().push(id);
    }
    let sentence = |(note, ids): (&&str, &Vec<&str>)| format!("{}: {note}", first_of(ids));
    by_kind.iter().map(sentence).collect()
}

/// Returns a sentence that names the classes without a voxel in the label maps of labeled cases, given the labels
/// that are present.
///
/// The result is `None` if there is no such class or no label at all.
pub fn absent_classes(classes: &[String], present: &BTreeSet<u8>) -> Option<String> {
    let absent: Vec<String> = (0..=u8::MAX)
        .zip(classes)
        .skip(1)
        .filter(|(label, _)| !present.contains(label))
        .map(|(label, name)| format!("{label} ({name})"))
        .collect();
    if present.is_empty() || absent.is_empty() {
        return None;
    }
    let absent = absent.join(", ");
    // Classes that nobody named are the values up to the largest one.
    let unnamed = (0..).zip(classes).any(|(label, name)| {
        u8::try_from(label).is_ok_and(|label| !present.contains(&label))
            && *name == format!("class {label}")
    });
    let advice = match unnamed {
        true => "; to leave a value out, name those that occur in classes.txt",
        false => "",
    };
    Some(format!("no labeled case contains label {absent}{advice}"))
}

/// Formats the names of cases; of many, the first ones and a count.
fn first_of(ids: &[&str]) -> String {
    const NAMED: usize = 3;
    match ids.len().saturating_sub(NAMED) {
        0 => ids.join(", "),
        more => format!("{} and {more} more", ids[..NAMED].join(", ")),
    }
}

/// Returns a sentence about scans whose axes have other directions than those of others, which matters unless a run
/// reorients all scans.
pub fn mixed_orientations(cases: &[CaseFacts]) -> Option<String> {
    let mut by: BTreeMap<Orientation, Vec<&str>> = BTreeMap::new();
    for case in cases {
        by.entry(case.orientation).or_default().push(&case.id);
    }
    if by.len() < 2 {
        return None;
    }
    let listed: Vec<String> = by
        .iter()
        .map(|(orientation, ids)| format!("{orientation} {} ({}, …)", ids.len(), ids[0]))
        .collect();
    Some(format!(
        "orientations differ: {}; the presets for own scans turn all of them to the commonest, those of other tasks only with \
         data.preprocess.orientation",
        listed.join(", ")
    ))
}

/// Returns a sentence about an image that is turned to an orientation although its file does not say which side is left.
pub fn turned_by_guess(image: &Image, to: Orientation) -> Option<String> {
    let found = Orientation::of(image.geometry());
    (!image.knows_sides() && found != to).then(|| guessed_turn(found, to))
}

/// Returns a sentence naming the cases that are turned so.
pub fn cases_turned_by_guess(cases: &[CaseFacts], to: Orientation) -> Option<String> {
    let guessed = |case: &&CaseFacts| !case.knows_sides && case.orientation != to;
    let turned: Vec<&CaseFacts> = cases.iter().filter(guessed).collect();
    let ids: Vec<&str> = turned.iter().map(|case| case.id.as_str()).collect();
    let first = turned.first()?.orientation;
    Some(format!("{}: {}", first_of(&ids), guessed_turn(first, to)))
}

fn guessed_turn(from: Orientation, to: Orientation) -> String {
    format!(
        "turned from {from} to {to} by a guess, as the file does not say which side is left; write the directions of its \
         axes into the header, such as the sform of NIfTI"
    )
}

fn mixed_spacings(cases: &[CaseFacts]) -> Option<String> {
    let found: Vec<String> = ["left-right", "back-front", "feet-head"]
        .into_iter()
        .enumerate()
        .filter_map(|(body, name)| mixed_spacing(cases, body, name))
        .collect();
    (!found.is_empty()).then(|| {
        format!(
            "spacings differ by more than a factor of {SPACING_FACTOR}: {}; check the headers",
            found.join(", ")
        )
    })
}

/// Describes the least and the largest spacing along an axis of the body, if they differ much: scans of one kind may be
/// stored with their axes in different orders.
fn mixed_spacing(cases: &[CaseFacts], body: usize, name: &str) -> Option<String> {
    let of = |case: &CaseFacts| case.spacing_mm[case.orientation.axes()[body]];
    let order = |a: &&CaseFacts, b: &&CaseFacts| of(a).total_cmp(&of(b));
    let (least, most) = (cases.iter().min_by(order)?, cases.iter().max_by(order)?);
    (of(most) > SPACING_FACTOR * of(least)).then(|| {
        let [from, to] = [least, most].map(|case| format!("{:.3} mm ({})", of(case), case.id));
        let guess = match least.knows_sides && most.knows_sides {
            true => "",
            false => " (a guess, as a file does not tell its axes)",
        };
        format!("{from} and {to} on the {name} axis{guess}")
    })
}
