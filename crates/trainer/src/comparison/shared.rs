//! The settings that the runs of a comparison share, in words.

use super::Run;

/// Returns the sentences of how the runs were trained and tested, with all values where they differ.
pub(super) fn protocol(runs: &[Run]) -> String {
    let values = |of: fn(&Run) -> String| {
        let mut values: Vec<String> = runs.iter().map(of).collect();
        values.sort();
        values.dedup();
        values.join(", ")
    };
    let cases = runs.first().map_or(0, |run| run.evaluation.cases.len());
    let kind = measured_on(runs);
    let leaks = runs
        .iter()
        .find_map(|run| run.evaluation.protocol.leaks.as_ref());
    let leaks = leaks.map_or(String::new(), |leaks| {
        format!(" Not an independent test: {leaks}.")
    });
    let phantoms = match runs.iter().any(|run| run.config.data.root.is_none()) {
        true => " The scans are generated phantoms, others for each seed.",
        false => "",
    };
    let programs = values(|run| {
        run.evaluation
            .protocol
            .commit
            .clone()
            .unwrap_or("unknown".into())
    });
    let programs = match programs.contains(", ") {
        true => format!(" Trained by several programs: commits {programs}."),
        false => String::new(),
    };
    let devices = values(|run| run.evaluation.protocol.device.clone());
    let devices = match devices.contains(", ") {
        true => format!(" Trained on several devices, {devices}: times are of both."),
        false => String::new(),
    };
    format!(
        "Preset {}; {} iterations; {} checkpoint; postprocessing {}; mean over {cases} {kind} cases and their classes, \
         then mean ± sample standard deviation over seeds; undefined values are left out.{phantoms}{programs}{devices}{leaks}",
        values(|run| run.evaluation.protocol.preset.clone()),
        listed(&by_value(runs, iterations)),
        values(|run| run.evaluation.protocol.checkpoint.clone()),
        values(|run| run.evaluation.protocol.postprocessing.clone()),
    )
}

/// Returns the kind of the cases that measure the runs: "validation" or "test".
pub(super) fn measured_on(runs: &[Run]) -> &'static str {
    match runs.iter().any(|run| run.validated) {
        true => "validation",
        false => "test",
    }
}

/// Returns the sentences about optimizer and batches, which tell whether the methods can be compared.
///
/// A setting that runs do not share is listed with the methods that have each value, since a difference between
/// methods may then be one of settings.
pub(super) fn training(runs: &[Run]) -> String {
    let lengths = by_value(runs, iterations);
    let length = match lengths.len() {
        0 | 1 => "",
        _ => {
            " Their numbers of iterations differ, so differences between methods may come from them."
        }
    };
    let weights = by_value(runs, label_weight);
    let weight = match weights.len() {
        0 | 1 => String::new(),
        _ => format!(
            " The labeled loss has another weight, which is a longer or shorter step on labels at one learning rate: {}.",
            listed(&weights)
        ),
    };
    let optimizers = by_value(runs, optimizer);
    let optimizer = match optimizers.as_slice() {
        [(optimizer, _)] => format!("Every method was trained with {optimizer}."),
        several => format!(
            "The methods do not share their optimizer, so differences may come from it: {}.",
            listed(several)
        ),
    };
    format!(
        "{optimizer}{weight}{length} Patches per batch, in the last stage: {}.",
        listed(&by_value(runs, batch))
    )
}

fn iterations(run: &Run) -> String {
    run.evaluation.protocol.iterations.to_string()
}

fn optimizer(Run { config, .. }: &Run) -> String {
    let settings = config.method.settings();
    match (&config.own_method, settings.nesterov()) {
        (Some(_), _) => "an optimizer of its own".into(),
        (None, true) => format!(
            "{}, Nesterov momentum in the last stage",
            settings.optimizer()
        ),
        (None, false) => settings.optimizer().to_string(),
    }
}

fn label_weight(Run { config, .. }: &Run) -> String {
    match config.own_method {
        Some(_) => "its own".into(),
        None => config.method.settings().label_weight().to_string(),
    }
}

fn batch(Run { config, .. }: &Run) -> String {
    match (&config.own_method, config.method.settings().batch()) {
        (Some(_), _) => "its own".into(),
        (None, [labeled, 0]) => format!("{labeled} labeled"),
        (None, [labeled, unlabeled]) => format!("{labeled} labeled + {unlabeled} unlabeled"),
    }
}

/// Returns each value of a setting with the methods that have it, in order of appearance.
fn by_value(runs: &[Run], of: impl Fn(&Run) -> String) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for run in runs {
        let (value, method) = (of(run), run.config.method_title());
        match found.iter_mut().find(|(known, _)| *known == value) {
            Some((_, methods)) if methods.contains(&method) => {}
            Some((_, methods)) => methods.push(method),
            None => found.push((value, vec![method])),
        }
    }
    found
}

fn listed(values: &[(String, Vec<String>)]) -> String {
    let of = |(value, methods): &(String, Vec<String>)| match values.len() {
        1 => value.clone(),
        _ => format!("{value} ({})", methods.join(", ")),
    };
    values.iter().map(of).collect::<Vec<_>>().join("; ")
}
