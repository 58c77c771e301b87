//! Mapping of the voxel values in two folders of label maps to classes.

use std::collections::BTreeSet;
use std::path::Path;

use semivox_data::preprocess::Grid;
use semivox_data::{IGNORED, LabelValues, Source, check_same_grid, io};

use super::DescribedClasses;
use super::pairs::Pair;
use crate::InferenceError;
use crate::evaluate::compare;
use crate::evaluation::CaseEvaluation;

/// The set of voxel values of label maps.
type Values = BTreeSet<u32>;

/// The classes of the voxel values in the predictions and in the references.
pub(super) struct Understood {
    predicted: LabelValues,
    drawn: LabelValues,
    pub(super) notes: Vec<String>,
}

/// Returns the values of label maps that hold class indices.
pub(super) fn indices(classes: usize) -> LabelValues {
    LabelValues::new(
        (0..IGNORED)
            .take(classes)
            .map(|class| (class.into(), class)),
    )
}

/// Reads the voxel values of a prediction, and of its reference.
pub(super) fn values(pair: &Pair) -> Result<[Values; 2], InferenceError> {
    let read = |path: &Path| -> Result<Values, InferenceError> {
        Ok(io::read_label_values(path)?.into_iter().collect())
    };
    Ok([read(&pair.prediction)?, read(&pair.reference)?])
}

/// Returns the voxel values of all predictions, and of all references.
pub(super) fn union(read: &[(&Pair, [Values; 2])]) -> [Values; 2] {
    [0, 1].map(|side| {
        let values = read.iter().flat_map(|(_, values)| &values[side]);
        values.copied().collect()
    })
}

/// Maps the voxel values found in the predictions and in the references to classes.
pub(super) fn understand(
    [predictions, references]: [&Path; 2],
    [predicted, drawn]: &[Values; 2],
    classes: Option<&DescribedClasses>,
) -> Result<Understood, InferenceError> {
    let Some(DescribedClasses { values, .. }) = classes else {
        return alike(references, predicted, drawn);
    };
    expect(references, drawn, values)?;
    let mut understood = Understood {
        predicted: values.clone(),
        drawn: values.clone(),
        notes: Vec::new(),
    };
    let classes = indices(values.classes());
    if !unknown(predicted, values).is_empty() && unknown(predicted, &classes).is_empty() {
        let stands = |class: u8| Some(format!("{class} for {}", values.value(class)?));
        let stand: Vec<String> = (0..IGNORED).map_while(stands).collect();
        understood.notes.push(format!(
            "{} holds class indices ({})",
            predictions.display(),
            stand.join(", "),
        ));
        understood.predicted = classes;
    } else {
        expect(predictions, predicted, values)?;
    }
    Ok(understood)
}

/// Maps equal values to one class, if one of the two sets contains the other.
fn alike(
    references: &Path,
    predicted: &Values,
    drawn: &Values,
) -> Result<Understood, InferenceError> {
    let [p, d] = [predicted, drawn].map(|values| values - &Values::from([0]));
    if !p.is_subset(&d) && !d.is_subset(&p) {
        let lines = d
            .iter()
            .zip(1..)
            .map(|(value, class)| format!("`{value} class {class}`"));
        let lines = lines.collect::<Vec<_>>().join(", ");
        return Err(InferenceError::unexpected(
            references.display(),
            format!("the label values of the predictions, {}", listed(predicted)),
            listed(drawn),
            format!(
                "say what the values of the references stand for with --classes FILE, which has a line a value \
                 (`0 background`, {lines}), or with --classes and the model or the dataset.json; predictions may hold \
                 the values or class indices"
            ),
        ));
    }
    let all: Values = p.union(&d).copied().collect();
    // An evaluation has at least one class.
    let foreground = if all.is_empty() {
        Values::from([1])
    } else {
        all
    };
    let most = usize::from(IGNORED) - 1;
    if foreground.len() > most {
        return Err(InferenceError::unexpected(
            references.display(),
            format!("label maps of at most {most} classes"),
            format!("{} values", foreground.len()),
            "are these label maps?",
        ));
    }
    let values = LabelValues::new(std::iter::once((0, 0)).chain(foreground.into_iter().zip(1..)));
    Ok(Understood {
        predicted: values.clone(),
        drawn: values,
        notes: Vec::new(),
    })
}

fn unknown(found: &Values, values: &LabelValues) -> Values {
    let unknown = |value: &&u32| values.class(**value).is_none();
    found.iter().filter(unknown).copied().collect()
}

fn expect(folder: &Path, found: &Values, values: &LabelValues) -> Result<(), InferenceError> {
    let unknown = unknown(found, values);
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(InferenceError::unexpected(
            folder.display(),
            format!("the label values described, {values}"),
            listed(&unknown),
            "describe them too, or correct the label maps",
        )),
    }
}

fn listed(values: &Values) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = values.iter().take(SHOWN).map(u32::to_string).collect();
    match values.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Understood {
    /// Computes the metrics of a pair, whose label maps must have the same grid.
    pub(super) fn evaluate(&self, pair: &Pair) -> Result<CaseEvaluation, InferenceError> {
        let read = |path: &Path, values: &LabelValues| {
            let (path, values) = (path.to_path_buf(), values.clone());
            io::read_label(&Source::MappedFile { path, values })
        };
        let prediction = read(&pair.prediction, &self.predicted)?;
        let reference = read(&pair.reference, &self.drawn)?;
        let names = [&pair.prediction, &pair.reference].map(|path| path.display().to_string());
        check_same_grid(&Grid::from(&prediction), &reference, names)?;
        let classes = self.drawn.classes().max(2);
        let mut found = compare(&prediction, reference.data.view(), classes)?;
        for class in &mut found {
            let label = u8::try_from(class.label).unwrap_or(IGNORED);
            class.label = self.drawn.value(label).unwrap_or(class.label);
        }
        Ok(CaseEvaluation {
            id: pair.id.clone(),
            seen: None,
            classes: found,
        })
    }
}
