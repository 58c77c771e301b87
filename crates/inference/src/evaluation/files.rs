//! Reading and writing of evaluations as JSON, and writing as comma-separated values.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use semivox_data::{DataError, io};
use serde::Serialize;

use super::{Evaluation, Means};
use crate::InferenceError;

/// An evaluation in its file, with means that reading computes anew.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    mean_by_class: BTreeMap<u32, Means>,
}

impl Evaluation {
    /// Writes `evaluation.json`, with the means of each class.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Data`] if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        let path = path.as_ref();
        let text = serde_json::to_string_pretty(&self.written());
        let mut text = text.map_err(|e| failed(path, e.into()))?;
        text.push('\n');
        Ok(io::write_atomic(path, text.as_bytes())?)
    }

    /// Returns what [`write`](Self::write) writes.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.written()).expect("metrics have a JSON form")
    }

    fn written(&self) -> Written<'_> {
        Written {
            evaluation: self,
            mean_by_class: self.mean_by_class(),
        }
    }

    /// Writes one line per case and class as comma-separated values; undefined values are left empty.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Data`] if the file cannot be written.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), InferenceError> {
        let path = path.as_ref();
        let bytes = self.csv().map_err(|e| failed(path, e.into()))?;
        Ok(io::write_atomic(path, &bytes)?)
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        // `serialize` writes the fields of a class in their order in the struct.
        let mut csv = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        csv.write_record([
            "case",
            "label",
            "dice",
            "jaccard",
            "hd95_mm",
            "hd95_directed_max_mm",
            "asd_mm",
            "assd_mm",
        ])?;
        for case in &self.cases {
            for class in &case.classes {
                csv.serialize((&case.id, class))?;
            }
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    /// Reads `evaluation.json`.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Data`] if the file cannot be read, [`InferenceError::Unexpected`] with the line of a mistake.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, InferenceError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| DataError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            InferenceError::unexpected(
                format!("{}, line {}", path.display(), error.line()),
                "an evaluation of protocol, cases, mean and undefined",
                error.to_string(),
                "repair or delete the file",
            )
        })
    }
}

fn failed(path: &Path, source: std::io::Error) -> DataError {
    DataError::Io {
        path: path.to_owned(),
        action: "write",
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::evaluation::*;
    use std::fs;

    #[test]
    fn the_file_has_the_documented_keys_and_reads_back() {
        let class = ClassEvaluation {
            label: 1,
            dice: Some(0.5),
            jaccard: Some(0.25),
            hd95_mm: None,
            hd95_directed_max_mm: None,
            asd_mm: Some(1.5),
            assd_mm: Some(f64::INFINITY),
        };
        let case = CaseEvaluation {
            id: "case 1".into(),
            seen: None,
            classes: vec![class],
        };
        let evaluation = Evaluation::new(Protocol::default(), vec![case]);
        assert_eq!(evaluation.undefined.assd_mm, 1);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evaluation.json");
        evaluation.write(&path).unwrap();

        let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for key in [
            "method",
            "preset",
            "seed",
            "iterations",
            "checkpoint",
            "postprocessing",
            "spacing_mm",
            "commit",
            "device",
        ] {
            assert!(json["protocol"].get(key).is_some(), "{key}");
        }
        assert!(json["cases"][0]["classes"][0]["hd95_mm"].is_null());
        assert_eq!(json["undefined"]["hd95_mm"], 1);
        assert_eq!(json["mean"]["asd_mm"], 1.5);
        assert_eq!(Evaluation::read(&path).unwrap().mean, evaluation.mean);

        let path = dir.path().join("evaluation.csv");
        evaluation.write_csv(&path).unwrap();
        let csv = fs::read_to_string(&path).unwrap();
        assert_eq!(csv.lines().nth(1), Some("case 1,1,0.5,0.25,,,1.5,inf"));

        fs::write(&path, "{\n \"protocol\": 3}").unwrap();
        let message = Evaluation::read(&path).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }
}
