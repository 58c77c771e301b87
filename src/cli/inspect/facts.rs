//! The findings of an inspection as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use semivox_data::Orientation;
use semivox_data::inspect::{CaseFacts, Inspection, Role};

use crate::cli::table;

/// Describes an inspection: the errors, the findings, with a line for every case if `every_case`, and the plan.
pub(super) fn described(found: &Inspection, every_case: bool, plan: &str) -> String {
    let count = |role| found.of(role).count();
    let mut text = section("errors", &found.errors_by_kind());
    let _ = writeln!(
        text,
        "{} ({} layout): {}, {} unlabeled, {} test\n",
        found.dataset.name,
        found.dataset.layout,
        table::labeled(count(Role::Labeled), found.labeled_patients()),
        count(Role::Unlabeled),
        count(Role::Test),
    );
    if every_case {
        text += &lines(&found.cases);
    }
    if !found.cases.is_empty() {
        text += &ranges(&found.cases, &found.dataset.channels);
        text += &labels(found);
    }
    text += "\n";
    text += &section("notes", &found.dataset.notes);
    text += &section("warnings", &found.warnings);
    let _ = writeln!(text, "{plan}");
    text
}

/// A titled list and an empty line; nothing of an empty list.
pub(super) fn section(title: &str, messages: &[String]) -> String {
    match messages.is_empty() {
        true => String::new(),
        false => format!("{title}\n  {}\n\n", messages.join("\n  ")),
    }
}

fn lines(cases: &[CaseFacts]) -> String {
    let mut text = String::new();
    for case in cases {
        let role = format!("{:?}", case.role).to_lowercase();
        let labels: Vec<String> = case.labels.keys().map(ToString::to_string).collect();
        let range = |[low, high]: &[f32; 2]| {
            let [low, high] = [low, high].map(|&end| table::short(f64::from(end)));
            format!("{low:>8} to {high:<8}")
        };
        let intensities: Vec<String> = case.intensities.iter().map(range).collect();
        let _ = writeln!(
            text,
            "  {:<28} {role:<9} {:<14} {:<18} {}  {} labels {}",
            case.id,
            table::shape(case.shape),
            table::spacing(case.spacing_mm),
            case.orientation,
            intensities.join(", "),
            if labels.is_empty() {
                "–".into()
            } else {
                labels.join(" ")
            },
        );
    }
    text + "\n"
}

fn ranges(cases: &[CaseFacts], channels: &[String]) -> String {
    let of =
        |value: &dyn Fn(&CaseFacts) -> f64| table::quantiles(cases.iter().map(value).collect());
    let mut text = format!(
        "  {:<22} {:>10} {:>10} {:>10}\n",
        "", "minimum", "median", "maximum"
    );
    let mut line = |name: String, value: &dyn Fn(&CaseFacts) -> f64| {
        let [least, median, most] = of(value).map(table::short);
        let _ = writeln!(text, "  {name:<22} {least:>10} {median:>10} {most:>10}");
    };
    for axis in 0..3 {
        line(format!("voxels on axis {axis}"), &|c| c.shape[axis] as f64);
    }
    for axis in 0..3 {
        line(format!("spacing {axis} in mm"), &|c| c.spacing_mm[axis]);
    }
    for channel in 0..cases[0].intensities.len() {
        let of = match channels.get(channel) {
            Some(name) => format!(", {name}"),
            None => String::new(),
        };
        for (end, name) in ["lowest intensity", "highest intensity"].iter().enumerate() {
            line(format!("{name}{of}"), &|case| {
                f64::from(case.intensities[channel][end])
            });
        }
    }
    let mut orientations: BTreeMap<Orientation, usize> = BTreeMap::new();
    cases
        .iter()
        .for_each(|c| *orientations.entry(c.orientation).or_default() += 1);
    let listed: Vec<String> = orientations
        .iter()
        .map(|(o, n)| format!("{o} ({n})"))
        .collect();
    text + &format!("  orientation            {}\n", listed.join(", "))
}

/// Tabulates how many cases have each class, and its share of the voxels.
fn labels(found: &Inspection) -> String {
    let with: Vec<&CaseFacts> = found
        .cases
        .iter()
        .filter(|c| !c.labels.is_empty() || c.ignored > 0)
        .collect();
    if with.is_empty() {
        return String::new();
    }
    let drawn: usize = with.iter().flat_map(|case| case.labels.values()).sum();
    let ignored: usize = with.iter().map(|case| case.ignored).sum();
    let share = |voxels: usize| 100.0 * voxels as f64 / (drawn + ignored) as f64;
    let mut text = format!(
        "\n  {:<6} {:<22} {:>8} {:>12}\n",
        "label", "name", "cases", "of voxels"
    );
    for (label, name) in (0..=u8::MAX).zip(&found.dataset.classes) {
        let counts = with.iter().filter_map(|case| case.labels.get(&label));
        let (cases, voxels) = counts.fold((0, 0), |(n, sum), voxels| (n + 1, sum + voxels));
        // Beside 0 and 255, for instance, the values between them would be listed too.
        if cases == 0 && *name == format!("class {label}") {
            continue;
        }
        let share = share(voxels);
        let _ = writeln!(text, "  {label:<6} {name:<22} {cases:>8} {share:>10.3} %");
    }
    if ignored > 0 {
        let (cases, share) = (
            with.iter().filter(|c| c.ignored > 0).count(),
            share(ignored),
        );
        let _ = writeln!(
            text,
            "  {:<6} {:<22} {cases:>8} {share:>10.3} %",
            "–", "ignored"
        );
    }
    text
}
