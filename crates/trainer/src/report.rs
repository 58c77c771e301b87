//! The report of a run folder.

use std::path::PathBuf;

use semivox_data::{Dataset, LabeledCase};

use crate::config::RunConfig;
use crate::error::TrainError;
use crate::evaluating::{pictured, prediction_path, read_prediction};
use crate::opening::{open_dataset, remaining};
use crate::run::folder::RunFolder;
use crate::run::metrics_log;
use crate::specimens::{by_channel, specimens};
use semivox_inference::evaluation::{CaseEvaluation, Evaluation};
use semivox_report::{CasePicture, ReportInput, notable_cases, write};

/// A written report, with the parts that it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remade {
    /// Path of the page.
    pub path: PathBuf,
    /// Parts that are missing and why, a sentence each; the page says the same.
    pub missing: Vec<String>,
}

/// Writes the report of a run anew from its folder.
///
/// Scans and references come from the data set named in `config.toml`,
/// predictions from the run folder. Where they are missing, the page is written
/// without the pictures that need them, and says so. The learning curves of a run
/// that was interrupted or not evaluated are shown too.
///
/// # Errors
/// If the configuration, the log or the evaluation cannot be read, or the
/// page cannot be written.
///
/// # Examples
/// ```no_run
/// use semivox_trainer::{report, run::folder::RunFolder};
///
/// let remade = report::remake(&RunFolder::open_existing("runs/action_la")?)?;
/// for sentence in &remade.missing {
///     eprintln!("{sentence}");
/// }
/// println!("Report: {}", remade.path.display());
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
pub fn remake(run: &RunFolder) -> Result<Remade, TrainError> {
    let config = RunConfig::from_toml(&run.read_config()?)?;
    let evaluation = match run.evaluation().is_file() {
        true => Some(Evaluation::read(run.evaluation())?),
        false => None,
    };
    let opened = open_dataset(&config, run);
    let dataset = opened.and_then(|(dataset, ..)| remaining(dataset, run));
    write_for(run, &config, dataset.as_ref(), evaluation.as_ref())
}

/// Writes the report of a run, without slices if its data set could not be opened.
///
/// # Errors
/// If the log cannot be read or the page cannot be written.
pub(crate) fn write_for(
    run: &RunFolder,
    config: &RunConfig,
    dataset: Result<&Dataset, &TrainError>,
    evaluation: Option<&Evaluation>,
) -> Result<Remade, TrainError> {
    let validation = match run.validation().is_file() {
        true => Some(Evaluation::read(run.validation())?),
        false => None,
    };
    let untested = dataset.is_ok_and(|dataset| dataset.test.is_empty());
    let on_validation = validation.iter().map(|found| validated(found, untested));
    let on_validation: Vec<String> = on_validation.collect();
    let (pictures, missing) = match (evaluation, dataset) {
        (Some(evaluation), dataset) => pictures(run, dataset, evaluation),
        (None, Ok(dataset)) if dataset.test.is_empty() => unmeasured(run, dataset),
        (None, Ok(_)) => Default::default(),
        (None, Err(error)) => (Vec::new(), vec![without_slices(error)]),
    };
    let config_toml = run.read_config()?;
    let metrics = match run.metrics().is_file() {
        true => metrics_log::read(run.metrics())?,
        false => Vec::new(),
    };
    let dataset = dataset.ok();
    let input = ReportInput {
        title: title(config, dataset),
        labeled: match (evaluation, dataset) {
            (Some(evaluation), _) => evaluation.protocol.labeled,
            (None, dataset) => dataset.map(|dataset| dataset.labeled.len()),
        },
        classes: dataset.map_or(&config.data.classes, |d| &d.classes).clone(),
        config_toml: &config_toml,
        metrics,
        iterations: Some(config.iterations()),
        notices: on_validation.into_iter().chain(missing.clone()).collect(),
        evaluation: evaluation.cloned().or(validation.filter(|_| untested)),
        pictures,
    };
    let path = run.report();
    write(&path, &input)?;
    Ok(Remade { path, missing })
}

/// Says what was measured on the validation cases.
fn validated(found: &Evaluation, untested: bool) -> String {
    let sentence = validation_sentence(found);
    match untested {
        true => format!("{sentence} There are no test cases."),
        false => sentence,
    }
}

/// Returns a sentence with the mean Dice on the validation cases of a run, and one on leaks, if there are any.
pub fn validation_sentence(found: &Evaluation) -> String {
    let count = match found.cases.len() {
        1 => "1 validation case".to_string(),
        n => format!("{n} validation cases"),
    };
    let dice = (found.mean.dice).map_or("undefined".into(), |dice| format!("{dice:.4}"));
    let leaks = found.protocol.leaks.as_ref();
    let leaks = leaks.map_or(String::new(), |leaks| format!(" Not independent: {leaks}."));
    format!("Mean Dice on {count}, not trained on: {dice}.{leaks}")
}

fn without_slices(error: &TrainError) -> String {
    format!("The data set could not be opened, so there are no slices: {error}")
}

/// Returns the pictures of the notable cases, and a sentence for each case that cannot be shown.
fn pictures(
    run: &RunFolder,
    dataset: Result<&Dataset, &TrainError>,
    evaluation: &Evaluation,
) -> (Vec<CasePicture>, Vec<String>) {
    let dataset = match dataset {
        Ok(dataset) => dataset,
        Err(error) => {
            return (Vec::new(), vec![without_slices(error)]);
        }
    };
    let (mut pictures, mut missing) = (Vec::new(), Vec::new());
    for (index, rank) in notable_cases(evaluation) {
        let case = &evaluation.cases[index];
        match picture(case, &rank, dataset, run) {
            Ok(picture) => pictures.push(picture),
            Err(reason) => missing.push(format!("Case {} is not shown: {reason}", case.id)),
        }
    }
    (pictures, missing)
}

/// Returns pictures of some training cases, for a data set without test cases; none before the run is finished.
fn unmeasured(run: &RunFolder, dataset: &Dataset) -> (Vec<CasePicture>, Vec<String>) {
    let (mut pictures, mut missing) = (Vec::new(), Vec::new());
    for specimen in specimens(dataset) {
        let id = specimen.id();
        if !prediction_path(run, id).is_file() {
            continue;
        }
        let checked = |picture: CasePicture| {
            picture.check()?;
            Ok(picture)
        };
        match specimen.picture(run, dataset).and_then(checked) {
            Ok(picture) => pictures.push(picture),
            Err(reason) => missing.push(format!("Case {id} is not shown: {reason}")),
        }
    }
    (pictures, missing)
}

fn title(config: &RunConfig, dataset: Option<&Dataset>) -> String {
    let method = config.method_title();
    match dataset {
        Some(dataset) => format!("{method} on {}", dataset.name),
        None => format!("{method} on {}", config.task),
    }
}

/// Reads scan, reference and prediction of an evaluated case.
fn picture(
    result: &CaseEvaluation,
    rank: &str,
    dataset: &Dataset,
    run: &RunFolder,
) -> Result<CasePicture, TrainError> {
    let case = find(dataset, &result.id)?;
    let (image, reference) = case.load()?;
    let prediction = read_prediction(run, &case.id, dataset)?;
    let geometry = *image.geometry();
    let (image, other_channels, first) = by_channel(image, &dataset.channels);
    let picture = CasePicture {
        id: case.id.clone(),
        caption: match result.mean_dice() {
            Some(dice) => format!("{rank} case, Dice {:.1} %{first}", 100.0 * dice),
            None => format!("{rank} case{first}"),
        },
        geometry,
        image,
        other_channels,
        reference: pictured(reference),
        prediction: prediction.data,
    };
    picture.check()?;
    Ok(picture)
}

fn find<'a>(dataset: &'a Dataset, id: &str) -> Result<&'a LabeledCase, TrainError> {
    let case = dataset.test.iter().find(|case| case.id == id);
    case.ok_or_else(|| {
        TrainError::unexpected(
            "data.root",
            format!("{id} among its {} test cases", dataset.test.len()),
            "none of that name",
            "is it still the data set of this run?",
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::path::Path;

    use semivox_data::phantom::{PhantomConfig, write_dataset};

    use super::*;
    use crate::presets::preset;
    use semivox_inference::evaluation::{ClassEvaluation, Protocol};

    /// Makes a finished run on five phantoms, whose predictions are the references.
    fn finished(folder: &Path) -> RunFolder {
        let phantoms = PhantomConfig {
            shape: [16, 16, 12],
            shape_jitter: [0, 0, 0],
            ..Default::default()
        };
        let root = folder.join("scans");
        write_dataset(&root, 2, 3, &phantoms).unwrap();
        let mut config = preset("smoke", "cvrl").unwrap();
        config.data.root = Some(root.clone());
        config.data.labeled = 1.into();
        let run = RunFolder::create(folder.join("run")).unwrap();
        run.write_config(&config.to_toml().unwrap()).unwrap();
        let cases = [(2, 0.9), (3, 0.5), (4, 0.7)].map(|(number, dice)| {
            let id = format!("phantom_00{number}");
            let reference = root.join(format!("labels/{id}.nii.gz"));
            fs::copy(reference, prediction_path(&run, &id)).unwrap();
            let class = ClassEvaluation {
                label: 1,
                dice: Some(dice),
                jaccard: None,
                hd95_mm: None,
                hd95_directed_max_mm: None,
                asd_mm: None,
                assd_mm: None,
            };
            CaseEvaluation {
                id,
                seen: None,
                classes: vec![class],
            }
        });
        let evaluation = Evaluation::new(Protocol::default(), cases.into());
        evaluation.write(run.evaluation()).unwrap();
        run
    }

    /// Makes the page and returns it, with the sentences about missing parts.
    fn page(run: &RunFolder) -> (String, Vec<String>) {
        let remade = remake(run).unwrap();
        assert_eq!(remade.path, run.report());
        let html = fs::read_to_string(&remade.path).unwrap();
        (html, remade.missing)
    }

    #[test]
    fn a_report_is_made_from_the_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (html, missing) = page(&finished(folder.path()));
        assert_eq!(missing, Vec::<String>::new());
        assert_eq!(html.matches("class=\"voxels\"").count(), 3);
        let places = ["worst", "median", "best"].map(|rank| html.find(&format!("<p>{rank} case")));
        assert!(places.is_sorted() && places[0].is_some());
        assert!(
            html.contains("<h1>cvrl (reconstruction) on "),
            "{}",
            &html[..200]
        );
        assert!(html.contains("This run is at step 0 of"));
    }

    /// Cases that the run left out are none of its labeled ones.
    #[test]
    fn excluded_cases_are_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let run = finished(folder.path());
        fs::remove_file(run.evaluation()).unwrap();
        let labeled = || {
            let (html, _) = page(&run);
            let at = html.find(" labeled case").unwrap();
            html[..at].rsplit(['>', ' ']).next().unwrap().to_string()
        };
        let config = RunConfig::from_toml(&run.read_config().unwrap()).unwrap();
        let config = config.with_values([("data.labeled", "2")]).unwrap();
        run.write_config(&config.to_toml().unwrap()).unwrap();
        assert_eq!(labeled(), "2");
        let cases = r#"{"labeled": ["phantom_001"], "unlabeled": [], "test": [], "excluded": ["phantom_000"]}"#;
        fs::write(run.cases(), cases).unwrap();
        assert_eq!(labeled(), "1");
    }

    #[test]
    fn what_is_gone_is_named_and_the_rest_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let run = finished(folder.path());
        fs::remove_file(prediction_path(&run, "phantom_003")).unwrap();
        let (html, missing) = page(&run);
        assert_eq!(missing.len(), 1);
        assert!(
            missing[0].starts_with("Case phantom_003 is not shown: "),
            "{missing:?}"
        );
        assert!(html.contains("Case phantom_003 is not shown"));
        assert_eq!(html.matches("class=\"voxels\"").count(), 2);

        fs::rename(folder.path().join("scans"), folder.path().join("moved")).unwrap();
        let (html, missing) = page(&run);
        assert_eq!(missing.len(), 1);
        assert!(
            missing[0].contains("data set could not be opened") && missing[0].contains("scans")
        );
        assert!(html.contains("data set could not be opened") && html.contains("phantom_003"));
        assert!(!html.contains("class=\"voxels\""));

        fs::remove_file(run.evaluation()).unwrap();
        let (html, missing) = page(&run);
        assert!(html.contains("has not been evaluated"));
        assert!(missing.len() == 1 && html.contains("data set could not be opened"));
    }
}
