//! Contents of a weight file in either format.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use burn::tensor::{DType, TensorData};
use pytorch_reader::PytorchReader;
use safetensors::SafeTensors;

use super::WeightsError;

/// The maximum header length of safetensors.
const LONGEST_HEADER: u64 = 100_000_000;

/// A tensor in a file.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its shape.
    pub(super) shape: Vec<usize>,
    /// Its data type, or the name of the type if it is not floating point.
    kind: Result<DType, String>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bytes(Vec<u8>),
    /// Read on demand, since optimizer states are often saved beside networks.
    PyTorch(pytorch_reader::Tensor),
}

impl Entry {
    /// Reads the values.
    pub(super) fn read(&self, path: &Path, name: &str) -> Result<TensorData, WeightsError> {
        let dtype = self.kind.clone().map_err(|found| WeightsError::Kind {
            path: path.to_owned(),
            name: name.to_string(),
            found,
        })?;
        let bytes = match &self.values {
            Values::Bytes(bytes) => bytes.clone(),
            Values::PyTorch(tensor) => tensor.read().map_err(|e| unreadable(path, e))?,
        };
        let data = TensorData::try_from_bytes_vec(bytes, self.shape.clone(), dtype);
        data.map_err(|e| unreadable(path, e))
    }
}

/// The tensors and metadata of a file.
pub(super) struct Contents {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) notes: BTreeMap<String, String>,
}

/// Reads safetensors or the format of `torch.save`, detected by the content.
pub(super) fn read(path: &Path) -> Result<Contents, WeightsError> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| WeightsError::io("read", path, e))?;
    let opened = file.take(9).read_to_end(&mut start);
    opened.map_err(|e| WeightsError::io("read", path, e))?;
    match is_safetensors(&start) {
        true => read_safetensors(path),
        false => read_pytorch(path),
    }
}

/// Returns whether a file starts like safetensors: with the length of its header, then a JSON object.
fn is_safetensors(start: &[u8]) -> bool {
    let length = start.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| length <= LONGEST_HEADER) && start.get(8) == Some(&b'{')
}

fn read_safetensors(path: &Path) -> Result<Contents, WeightsError> {
    let bytes = fs::read(path).map_err(|e| WeightsError::io("read", path, e))?;
    let failed = |e| unreadable(path, e);
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(failed)?;
    let notes = header.metadata().clone().unwrap_or_default();
    let tensors = SafeTensors::deserialize(&bytes).map_err(failed)?;
    let entry = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
        let entry = Entry {
            shape: view.shape().to_vec(),
            kind: safetensors_kind(view.dtype()),
            values: Values::Bytes(view.data().to_vec()),
        };
        (name.to_string(), entry)
    };
    Ok(Contents {
        entries: tensors.iter().map(entry).collect(),
        notes: notes.into_iter().collect(),
    })
}

fn read_pytorch(path: &Path) -> Result<Contents, WeightsError> {
    let reader = PytorchReader::new(path).map_err(|e| unreadable(path, e))?;
    let entry = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let entry = Entry {
            shape: tensor.shape().to_vec(),
            kind: pytorch_kind(tensor.dtype()),
            values: Values::PyTorch(tensor),
        };
        (name, entry)
    };
    Ok(Contents {
        entries: reader.into_tensors().into_iter().map(entry).collect(),
        notes: BTreeMap::new(),
    })
}

fn safetensors_kind(kind: safetensors::Dtype) -> Result<DType, String> {
    match kind {
        safetensors::Dtype::F64 => Ok(DType::F64),
        safetensors::Dtype::F32 => Ok(DType::F32),
        safetensors::Dtype::F16 => Ok(DType::F16),
        safetensors::Dtype::BF16 => Ok(DType::BF16),
        other => Err(format!("{other:?}")),
    }
}

fn pytorch_kind(kind: pytorch_reader::DType) -> Result<DType, String> {
    match kind {
        pytorch_reader::DType::F64 => Ok(DType::F64),
        pytorch_reader::DType::F32 => Ok(DType::F32),
        pytorch_reader::DType::F16 => Ok(DType::F16),
        pytorch_reader::DType::BF16 => Ok(DType::BF16),
        other => Err(format!("{other:?}")),
    }
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> WeightsError {
    WeightsError::Unreadable {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
