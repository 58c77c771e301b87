//! Writer of safetensors files.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use burn::tensor::{DType, TensorData};
use serde_json::{Map, Value, json};

use super::WeightsError;

/// Writes tensors in single precision, atomically. Equal content gives equal bytes.
pub(super) fn write(
    path: &Path,
    tensors: BTreeMap<String, TensorData>,
    notes: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!(notes));
    let mut values = Vec::new();
    for (name, tensor) in tensors {
        let tensor = tensor.convert_dtype(DType::F32);
        let start = values.len();
        values.extend_from_slice(tensor.as_bytes());
        let shape = tensor.shape().as_slice();
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, values.len()]});
        header.insert(name, entry);
    }
    let mut header = Value::Object(header).to_string();
    // Values start at a multiple of 8 bytes, including the 8 bytes of the header length.
    let padding = header.len().next_multiple_of(8) - header.len();
    header.push_str(&" ".repeat(padding));
    replace(
        path,
        &[
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            &values,
        ],
    )
    .map_err(|e| WeightsError::io("write", path, e))
}

/// Writes a file under a temporary name in the same folder, syncs it and renames it.
fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        // The first error is reported; the temporary file may not exist.
        let _ = fs::remove_file(&temporary);
    })
}
