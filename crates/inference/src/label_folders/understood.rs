//! Mapping of the voxel values in two folders of label maps to classes.

use std::collections::BTreeSet;
use std::path::Path;

use semivox_data::preprocess::Grid;
use semivox_data::{IGNORED, LabelMap, LabelValues, Source, check_same_grid, io};

use super::DescribedClasses;
use super::pairs::Pair;
use crate::InferenceError;
use crate::evaluate::compare;
use crate::evaluation::CaseEvaluation;

/// The set of voxel values of label maps.
type Values = BTreeSet<u32>;
/// A pair, with the voxel values of its prediction and of its reference.
type Read<'a> = (&'a Pair, [Values; 2]);

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
fn union(read: &[Read<'_>]) -> [Values; 2] {
    [0, 1].map(|side| {
        let values = read.iter().flat_map(|(_, values)| &values[side]);
        values.copied().collect()
    })
}

/// Maps the voxel values found in the predictions and in the references to classes.
pub(super) fn understand(
    [predictions, references]: [&Path; 2],
    read: &[Read<'_>],
    classes: Option<&DescribedClasses>,
) -> Result<Understood, InferenceError> {
    let [predicted, drawn] = &union(read);
    let Some(described) = classes else {
        return alike(references, predicted, drawn);
    };
    let values = &described.values;
    expect(references, read, 1, values)?;
    let mut understood = Understood {
        predicted: values.clone(),
        drawn: values.clone(),
        notes: Vec::new(),
    };
    let classes = indices(values.classes());
    let [as_values, as_indices] =
        [values, &classes].map(|known| unknown(predicted, known).is_empty());
    if described.class_indices {
        expect(predictions, read, 0, &classes)?;
        understood.predicted = classes;
    } else if !as_values && as_indices {
        let stand = stand_for(0..IGNORED, values);
        let note = format!("{} holds class indices ({stand})", predictions.display());
        understood.notes.push(note);
        understood.predicted = classes;
    } else {
        expect(predictions, read, 0, values)?;
        let differs = |value: &u32| values.class(*value) != classes.class(*value);
        let doubtful = predicted.iter().copied().filter(differs);
        let doubtful: Vec<u8> = doubtful
            .filter_map(|value| u8::try_from(value).ok())
            .collect();
        if as_indices && !doubtful.is_empty() {
            understood.notes.push(format!(
                "{} is taken to hold label values, which could be class indices too ({}); --class-indices reads them so",
                predictions.display(),
                stand_for(doubtful, values),
            ));
        }
    }
    Ok(understood)
}

/// Returns the values that class indices stand for, such as `1 for 205, 2 for 420`.
fn stand_for(classes: impl IntoIterator<Item = u8>, values: &LabelValues) -> String {
    let stands = |class: u8| Some(format!("{class} for {}", values.value(class)?));
    let stand: Vec<String> = classes.into_iter().map_while(stands).collect();
    stand.join(", ")
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

/// Returns an error for values of one side of the pairs, 0 the predictions and 1 the references, that are not described.
fn expect(
    folder: &Path,
    read: &[Read<'_>],
    side: usize,
    values: &LabelValues,
) -> Result<(), InferenceError> {
    let found = read.iter().flat_map(|(_, found)| &found[side]);
    let unknown: Values = found
        .copied()
        .filter(|&value| values.class(value).is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let held = |(_, found): &&Read<'_>| !found[side].is_disjoint(&unknown);
    let mut holders = read.iter().filter(held);
    let first = holders.next().map_or(String::new(), |(pair, _)| {
        let path = [&pair.prediction, &pair.reference][side];
        format!(" in {}", path.file_name().unwrap_or_default().display())
    });
    let more = match holders.count() {
        0 => String::new(),
        others => format!(" and {others} other files"),
    };
    Err(InferenceError::unexpected(
        folder.display(),
        format!("the label values described, {values}"),
        format!("{}{first}{more}", listed(&unknown)),
        "describe them too, or correct the label maps",
    ))
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
    /// Returns an error if the prediction ignores voxels that the reference does not.
    fn expect_classes(
        &self,
        pair: &Pair,
        prediction: &LabelMap,
        reference: &LabelMap,
    ) -> Result<(), InferenceError> {
        let both = prediction.data.iter().zip(&reference.data);
        let voxels = both
            .filter(|&(&p, &r)| p == IGNORED && r != IGNORED)
            .count();
        if voxels == 0 {
            return Ok(());
        }
        let ignored: Vec<String> = self
            .predicted
            .ignored()
            .map(|value| value.to_string())
            .collect();
        Err(InferenceError::unexpected(
            pair.prediction.display(),
            "a class wherever the reference has one",
            format!(
                "the ignored value {} in {voxels} such voxels",
                ignored.join(" or ")
            ),
            "only references may ignore voxels; give them a class, or describe the value as one",
        ))
    }

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
        self.expect_classes(pair, &prediction, &reference)?;
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
