//! The files of a checkpoint, read and written tensor by tensor.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Bytes;
use burn_pack::{Reader, Tensor, Writer};
use serde::{Deserialize, Serialize};

/// Parameters by name, `FILE/PATH`.
pub type Weights = BTreeMap<String, Vec<f32>>;

/// Reads the contents of a checkpoint, bit by bit: every tensor of a network or of an optimizer under the name of its
/// parameter instead of its id, which is random, and every other file but the list of checksums.
pub fn contents(checkpoint: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut identities = BTreeMap::new();
    let mut found = BTreeMap::new();
    let (packs, others): (Vec<_>, Vec<_>) = paths(checkpoint)
        .into_iter()
        .partition(|path| is_pack(path));
    let (optimizers, networks): (Vec<_>, Vec<_>) = packs
        .into_iter()
        .partition(|path| name(path) == "optimizer.bpk");
    for path in networks {
        for tensor in tensors(&path) {
            let key = format!("{}/{}", name(&path), tensor.name);
            // A network and its average have the same parameter ids; the optimizer updates one of them.
            identities
                .entry(tensor.param_id.unwrap())
                .or_insert(key.clone());
            found.insert(key, described(&tensor));
        }
    }
    for tensor in optimizers.iter().flat_map(|path| tensors(path)) {
        let (identity, what) = tensor.name.split_once('.').unwrap();
        let parameter = &identities[&identity.parse().unwrap()];
        found.insert(format!("optimizer/{parameter}/{what}"), described(&tensor));
    }
    let content = |path: PathBuf| (name(&path), fs::read(&path).unwrap());
    let lists_files = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(".bpk");
    let others = others.into_iter().map(content);
    found.extend(others.filter(|(_, bytes)| !lists_files(bytes)));
    found
}

/// Reads the parameters of all networks in a checkpoint, without running statistics, which no gradient changes.
pub fn weights(checkpoint: &Path) -> Weights {
    let mut found = Weights::new();
    for path in paths(checkpoint) {
        if !is_pack(&path) || name(&path) == "optimizer.bpk" {
            continue;
        }
        let file = name(&path).replace(".bpk", "");
        for tensor in tensors(&path) {
            if !tensor.name.contains("running_") {
                let values = values(&tensor.to_bytes().unwrap());
                found.insert(parameter(&file, &tensor), values);
            }
        }
    }
    found
}

/// Copies a checkpoint to `target` with `step` added to its weights.
pub fn moved(checkpoint: &Path, target: &Path, step: &Weights) {
    fs::create_dir_all(target).unwrap();
    for path in paths(checkpoint) {
        let copy = target.join(name(&path));
        let file = name(&path).replace(".bpk", "");
        if !step.keys().any(|key| key.starts_with(&format!("{file}/"))) {
            fs::copy(&path, copy).unwrap();
            continue;
        }
        let shifted = tensors(&path).into_iter().map(|tensor| {
            let Some(step) = step.get(&parameter(&file, &tensor)) else {
                return tensor;
            };
            let (name, kind, shape, identity, bytes) = tensor.into_parts().unwrap();
            let sums = values(&bytes).into_iter().zip(step).map(|(a, b)| a + b);
            let bytes: Vec<u8> = sums.flat_map(f32::to_le_bytes).collect();
            Tensor::new(name, kind, shape, identity, Bytes::from_bytes_vec(bytes))
        });
        Writer::new(shifted.collect()).write_to_file(copy).unwrap();
    }
    seal(target);
}

/// The file of a checkpoint's checksums.
#[derive(Serialize, Deserialize)]
struct State {
    format: u32,
    step: u64,
    stage: usize,
    files: BTreeMap<String, Checksum>,
    crc32c: String,
}

#[derive(Serialize, Deserialize)]
struct Checksum {
    bytes: usize,
    crc32c: String,
}

/// Updates the checksums of a checkpoint to those of its present files.
fn seal(checkpoint: &Path) {
    let path = checkpoint.join("state.json");
    let mut state: State = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (name, checksum) in &mut state.files {
        let bytes = fs::read(checkpoint.join(name)).unwrap();
        checksum.bytes = bytes.len();
        checksum.crc32c = format!("{:08x}", crc32c::crc32c(&bytes));
    }
    state.crc32c = format!("{:08x}", 0);
    let crc = crc32c::crc32c(&serde_json::to_vec_pretty(&state).unwrap());
    state.crc32c = format!("{crc:08x}");
    fs::write(path, serde_json::to_vec_pretty(&state).unwrap()).unwrap();
}

/// Returns the name of a parameter, which is the same for V-Net and U-Net.
fn parameter(file: &str, tensor: &Tensor) -> String {
    let path = tensor.name.replace("VNet.", "").replace("UNet.", "");
    format!("{file}/{path}")
}

fn paths(checkpoint: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(checkpoint).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_string()
}

fn is_pack(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "bpk")
}

fn tensors(path: &Path) -> Vec<Tensor> {
    Reader::from_file(path).unwrap().into_tensors().unwrap()
}

fn values(bytes: &[u8]) -> Vec<f32> {
    let (numbers, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "networks are trained in f32");
    numbers
        .iter()
        .map(|number| f32::from_le_bytes(*number))
        .collect()
}

/// Returns type, shape and bytes of a tensor.
fn described(tensor: &Tensor) -> Vec<u8> {
    let mut all = format!("{:?} {:?} ", tensor.dtype, tensor.shape).into_bytes();
    all.extend_from_slice(&tensor.to_bytes().unwrap());
    all
}
