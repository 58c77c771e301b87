//! Consistency of a model's network with its description.

use semivox_models::{Architecture, Network, weights};

use crate::{Description, InferenceError};

/// Checks that a network and a description are consistent.
pub(crate) fn check(network: &Network, description: &Description) -> Result<(), InferenceError> {
    let classes = weights::config_of(network).map_or(0, |config| config.classes);
    check_classes(classes, description)?;
    let channels = weights::config_of(network).map_or(1, |config| config.in_channels);
    if description.channel_count() != channels {
        return Err(InferenceError::unexpected(
            "channels",
            format!("a name for each of the network's {channels} channels"),
            format!(
                "{} names ({})",
                description.channels.len(),
                description.channels.join(", ")
            ),
            "correct the list",
        ));
    }
    check_window(network.architecture(), description)
}

/// Checks that the description tells of each of the network's classes, and of no other.
fn check_classes(classes: usize, description: &Description) -> Result<(), InferenceError> {
    if classes < 2 {
        return Err(InferenceError::unexpected(
            "the network",
            "at least two classes, the background among them",
            classes.to_string(),
            "a map of one class has nothing to choose from; train with two",
        ));
    }
    let named = description.classes.len();
    if named != classes {
        return Err(InferenceError::unexpected(
            "classes",
            format!("a name for each of the network's {classes} classes, the background first"),
            format!("{named} names ({})", description.classes.join(", ")),
            "correct the list",
        ));
    }
    if let Some(values) = &description.label_values
        && let Some(class) = (0..classes).find(|&class| values.value(class as u8).is_none())
    {
        return Err(InferenceError::unexpected(
            "label_values",
            format!("a value for each of the {classes} classes"),
            format!("none for {}", description.classes[class]),
            "add it, or leave the values out to write class indices",
        ));
    }
    let pairs = &description.label_swap.pairs;
    let known = |&label: &u8| usize::from(label) < classes;
    if !pairs.as_flattened().iter().all(known) {
        return Err(InferenceError::unexpected(
            "label_swap",
            format!("labels below the network's {classes} classes"),
            format!("{pairs:?}"),
            "correct the pairs",
        ));
    }
    Ok(())
}

/// Checks that the network takes the window.
fn check_window(
    architecture: Architecture,
    description: &Description,
) -> Result<(), InferenceError> {
    let (sides, multiples) = (description.window.window, architecture.required_multiples());
    let fits = (0..3).all(|a| sides[a] > 0 && sides[a].is_multiple_of(multiples[a]));
    let one_slice = architecture != Architecture::UNet || sides[2] == 1;
    if fits && one_slice {
        return Ok(());
    }
    Err(InferenceError::unexpected(
        "window",
        match architecture.is_2d() {
            true => format!("[{0}·a, {1}·b, 1] for a U-Net", multiples[0], multiples[1]),
            false => format!("multiples of {} for a V-Net", multiples[0]),
        },
        format!("{sides:?}"),
        "choose another window",
    ))
}
