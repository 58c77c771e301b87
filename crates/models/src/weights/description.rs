//! Descriptions of a network: as metadata of its file, and in words.

use crate::{NetworkConfig, Upsampling};

/// Returns the metadata that describe a network.
pub(super) fn entries(config: &NetworkConfig) -> Vec<(String, String)> {
    let mut entries = vec![
        ("format", "pt".to_string()),
        (
            "software",
            concat!("semivox ", env!("CARGO_PKG_VERSION")).to_string(),
        ),
        (
            "architecture",
            config
                .architecture
                .to_string()
                .to_lowercase()
                .replace('-', ""),
        ),
        ("in_channels", config.in_channels.to_string()),
        ("classes", config.classes.to_string()),
        ("filters", config.filters.to_string()),
        ("upsampling", upsampling(config).to_string()),
    ];
    if let Some(maps) = config.signed_distance {
        entries.push(("signed_distance", maps.to_string()));
    }
    let owned = |(key, value): (&str, String)| (key.to_string(), value);
    entries.into_iter().map(owned).collect()
}

/// Describes a configuration in words.
pub(super) fn describe(config: &NetworkConfig) -> String {
    format!(
        "a {} with in_channels {}, classes {}, filters {}, upsampling {}",
        config.architecture,
        config.in_channels,
        config.classes,
        config.filters,
        upsampling(config)
    )
}

fn upsampling(config: &NetworkConfig) -> &'static str {
    match config.upsampling {
        Upsampling::Transposed => "transposed",
        Upsampling::Linear => "linear",
        Upsampling::Nearest => "nearest",
    }
}
