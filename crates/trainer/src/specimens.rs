//! Training cases that the report shows where there are no test cases.

use ndarray::Array3;
use semivox_data::{Dataset, Image, LabelMap, LabeledCase, UnlabeledCase};
use semivox_inference::{Model, SeenScans};

use crate::error::TrainError;
use crate::evaluating::{pictured, prediction_path, read_prediction};
use crate::run::folder::RunFolder;
use crate::training::Observer;
use semivox_report::{CasePicture, ChannelPicture};

/// Number of cases shown.
const COUNT: usize = 3;

/// A case that is shown without metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Specimen<'a> {
    /// A case without a label map.
    Unlabeled(&'a UnlabeledCase),
    /// A case whose label map the network was trained on.
    Trained(&'a LabeledCase),
}

/// Returns the first, the middle and the last unlabeled case; where all cases are labeled, of the labeled ones.
pub(crate) fn specimens(dataset: &Dataset) -> Vec<Specimen<'_>> {
    match dataset.unlabeled.is_empty() {
        false => spread(&dataset.unlabeled)
            .map(Specimen::Unlabeled)
            .collect(),
        true => spread(&dataset.labeled).map(Specimen::Trained).collect(),
    }
}

fn spread<T>(cases: &[T]) -> impl Iterator<Item = &T> {
    let count = COUNT.min(cases.len());
    let place = move |i: usize| i * (cases.len() - 1) / (count - 1).max(1);
    (0..count).map(move |i| &cases[place(i)])
}

/// Segments the specimens of a data set and writes the label maps to `predictions/ID.nii.gz`, with [`SeenScans`] beside
/// them.
///
/// # Errors
/// If a case cannot be read or a prediction cannot be written.
pub(crate) fn predict(
    model: &Model,
    dataset: &Dataset,
    run: &RunFolder,
    observer: &mut dyn Observer,
) -> Result<(), TrainError> {
    let specimens = specimens(dataset);
    let mut scans = SeenScans::default();
    for (done, specimen) in specimens.iter().enumerate() {
        observer.evaluating(done, specimens.len());
        let image = specimen.image()?;
        let prediction = model.segment(&image)?;
        scans.begin(specimen.id(), run.predictions())?;
        let path = prediction_path(run, specimen.id());
        model.description().write_labels(path, &prediction)?;
        scans.record(specimen.id(), model, &image);
        scans.write(run.predictions())?;
    }
    observer.evaluating(specimens.len(), specimens.len());
    Ok(())
}

impl Specimen<'_> {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Unlabeled(case) => &case.id,
            Self::Trained(case) => &case.id,
        }
    }

    fn image(&self) -> Result<Image, TrainError> {
        Ok(match self {
            Self::Unlabeled(case) => case.load()?,
            Self::Trained(case) => case.load()?.0,
        })
    }

    /// Reads the case with the prediction that [`predict`] wrote, as a picture for the report.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn picture(
        &self,
        run: &RunFolder,
        dataset: &Dataset,
    ) -> Result<CasePicture, TrainError> {
        let prediction = read_prediction(run, self.id(), dataset)?;
        let (image, reference, caption) = match self {
            Self::Unlabeled(case) => {
                let image = case.load()?;
                let nothing = Array3::zeros(image.shape());
                let caption = "no label map: the prediction alone";
                (image, LabelMap::new(nothing, prediction.geometry), caption)
            }
            Self::Trained(case) => {
                let (image, labels) = case.load()?;
                (image, labels, "trained on: a new scan will look worse")
            }
        };
        let geometry = *image.geometry();
        let (image, other_channels, first) = by_channel(image, &dataset.channels);
        Ok(CasePicture {
            id: self.id().into(),
            caption: format!("{caption}{first}"),
            geometry,
            image,
            other_channels,
            reference: pictured(reference),
            prediction: prediction.data,
        })
    }
}

/// Splits an image into its first channel, the others with their names, and the first one's name for a caption.
pub(crate) fn by_channel(
    image: Image,
    names: &[String],
) -> (Array3<f32>, Vec<ChannelPicture>, String) {
    let mut channels = image.into_channels().into_iter();
    let first = channels.next().expect("an image has a channel").data;
    let name = |index: usize| names.get(index).cloned().unwrap_or_default();
    let others = channels.enumerate().map(|(index, channel)| ChannelPicture {
        name: name(index + 1),
        image: channel.data,
    });
    let others: Vec<ChannelPicture> = others.collect();
    let caption = match others.is_empty() {
        true => String::new(),
        false => format!("; {}", name(0)),
    };
    (first, others, caption)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specimens_are_spread_over_the_cases() {
        let of = |count: usize| -> Vec<usize> {
            let cases: Vec<usize> = (0..count).collect();
            spread(&cases).copied().collect()
        };
        assert_eq!(of(0), [0; 0]);
        assert_eq!(of(1), [0]);
        assert_eq!(of(2), [0, 1]);
        assert_eq!(of(3), [0, 1, 2]);
        assert_eq!(of(8), [0, 3, 7]);
    }
}
