//! Matching of a file's tensors to a network's parameters.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::{DType, TensorData};

use super::description::describe;
use super::error::{Difference, WeightsError};
use super::file::Entry;
use super::located::{self, Located};
use super::names::{is_head, is_nearest, is_segmentation, is_signed_distance, public_name};
use super::parameters::{Parameter, collect};
use crate::{Network, NetworkConfig, Upsampling};

/// Infers a network's configuration from its parameters.
pub(super) fn config(
    network: &Network,
    parameters: &[Parameter],
) -> Result<NetworkConfig, &'static str> {
    let two_heads = has_two_heads(parameters);
    let shapes: HashMap<String, Vec<usize>> = parameters
        .iter()
        .filter_map(|p| Some((public_name(&p.path, two_heads)?, sides(&p.value))))
        .collect();
    let mut config = located::config(network.architecture(), |name| shapes.get(name).cloned())?;
    if parameters.iter().any(|p| is_nearest(&p.path)) {
        config.upsampling = Upsampling::Nearest;
    }
    Ok(config)
}

/// Returns whether a network has a signed-distance head.
pub(super) fn has_two_heads(parameters: &[Parameter]) -> bool {
    parameters.iter().any(|p| is_signed_distance(&p.path))
}

/// Assignment of tensors to parameters.
#[derive(Default)]
pub(super) struct Matching {
    /// Parameters and the names of their tensors.
    taken: Vec<(Parameter, String)>,
    /// Parameters that keep their values.
    pub(super) kept: Vec<String>,
    /// Tensors of extra outputs.
    pub(super) unused: Vec<String>,
}

impl Matching {
    /// Finds a tensor for every parameter, optionally without the output layers.
    pub(super) fn new(
        path: &Path,
        network: &Network,
        located: &Located,
        with_head: bool,
    ) -> Result<Self, WeightsError> {
        let parameters = collect(network);
        let own = config(network, &parameters);
        if let (Ok(expected), Ok(found)) = (&own, located.config())
            && !(fits(expected, &found, with_head) && upsamples_as(expected, &found, located))
        {
            return Err(WeightsError::OtherNetwork {
                path: path.to_owned(),
                expected: describe(expected),
                found: describe(&found),
            });
        }
        let (matching, difference) = Self::sort(parameters, located, with_head);
        match difference.is_empty() {
            true => Ok(matching),
            false => Err(WeightsError::Tensors {
                path: path.to_owned(),
                network: own.map_or("the network".into(), |config| describe(&config)),
                difference,
            }),
        }
    }

    fn sort(parameters: Vec<Parameter>, located: &Located, with_head: bool) -> (Self, Difference) {
        let (mut matching, mut difference) = (Self::default(), Difference::default());
        let mut left: BTreeMap<&String, &Entry> = located.entries.iter().collect();
        for parameter in parameters {
            let wanted = with_head || !is_head(&parameter.path);
            let name = public_name(&parameter.path, located.has_two_heads());
            let Some(name) = name.filter(|_| wanted) else {
                matching.kept.push(parameter.path[1..].join("."));
                continue;
            };
            let expected = sides(&parameter.value);
            match left.remove(&name) {
                None => difference.missing.push(name),
                Some(entry) if entry.shape == expected || adds_background(&parameter, entry) => {
                    matching.taken.push((parameter, name));
                }
                Some(entry) => difference
                    .shapes
                    .push((name, expected, entry.shape.clone())),
            }
        }
        for name in left.into_keys() {
            match located.is_extra_head(name) {
                true => matching.unused.push(name.clone()),
                false => difference.unexpected.push(name.clone()),
            }
        }
        (matching, difference)
    }

    /// Reads the assigned tensors.
    pub(super) fn read(
        &self,
        path: &Path,
        located: &Located,
    ) -> Result<HashMap<Vec<String>, TensorData>, WeightsError> {
        let read = |(parameter, name): &(Parameter, String)| {
            let entry = &located.entries[name];
            let mut value = entry.read(path, name)?;
            if adds_background(parameter, entry) {
                value = with_background(value, sides(&parameter.value));
            }
            Ok((parameter.path.clone(), value))
        };
        self.taken.iter().map(read).collect()
    }
}

fn sides(value: &TensorData) -> Vec<usize> {
    value.shape().as_slice().to_vec()
}

/// Returns whether weights of one configuration can be used for another.
fn fits(expected: &NetworkConfig, found: &NetworkConfig, with_head: bool) -> bool {
    let classes = [expected.classes, found.classes];
    let same_classes = classes[0] == classes[1] || classes == [2, 1] || !with_head;
    same_classes
        && expected.architecture == found.architecture
        && expected.in_channels == found.in_channels
        && expected.filters == found.filters
}

/// Returns whether the file's upsampling can be the expected one: without a note, a file that is taken for linear may
/// be of nearest neighbors.
fn upsamples_as(expected: &NetworkConfig, found: &NetworkConfig, located: &Located) -> bool {
    let either = [Upsampling::Nearest, Upsampling::Linear];
    expected.upsampling == found.upsampling
        || ([expected.upsampling, found.upsampling] == either && !located.names_upsampling())
}

/// Returns whether a tensor of a one-channel (sigmoid) segmentation has to be converted to two channels.
fn adds_background(parameter: &Parameter, entry: &Entry) -> bool {
    let expected = sides(&parameter.value);
    is_segmentation(&parameter.path)
        && entry.shape.first() == Some(&1)
        && expected.first() == Some(&2)
        && entry.shape[1..] == expected[1..]
}

/// Adds a background score of 0, for which the softmax equals the sigmoid of the foreground's score.
fn with_background(foreground: TensorData, shape: Vec<usize>) -> TensorData {
    let foreground = foreground.convert_dtype(DType::F32);
    let mut values = vec![0.0_f32; foreground.num_elements()];
    values.extend(foreground.iter::<f32>());
    TensorData::new(values, shape)
}
