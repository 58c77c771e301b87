//! Parsing of settings from TOML, with errors that name the key.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::error::TrainError;

/// Reads a TOML document.
///
/// # Errors
/// [`TrainError::Document`] with the line, the key and, for an unknown key, the nearest known one.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TrainError> {
    let failed = |key: String, error: toml::de::Error| {
        let before = error.span().map_or("", |span| &text[..span.start]);
        let line = before.matches('\n').count() + 1;
        let message = explain(&key, error.message(), &[]);
        TrainError::Document(format!("line {line}: {message}"))
    };
    let document = toml::Deserializer::parse(text).map_err(|e| failed(String::new(), e))?;
    serde_path_to_error::deserialize(document)
        .map_err(|error| failed(error.path().to_string(), error.into_inner()))
}

/// Sets keys such as `data.labeled` of a TOML document and reads the result.
///
/// # Errors
/// As [`parse`], without a line.
pub(crate) fn change<'a, T: DeserializeOwned>(
    text: &str,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<T, TrainError> {
    let document: Table = parse(text)?;
    let values: Vec<(&str, &str)> = values.into_iter().collect();
    let failed = |(place, message): (String, String)| {
        // Within a method's settings the deserializer does not know the key: it is that of the value that fails so alone.
        let alone = |value: &&(&str, &str)| match changed::<T>(&document, &[**value]) {
            Ok(Err((_, found))) => found == message,
            _ => false,
        };
        let place = match values.iter().find(alone) {
            Some((key, _)) if key.starts_with(&format!("{place}.")) => key.to_string(),
            _ => place,
        };
        TrainError::Document(explain(
            &place,
            &message,
            &values_of(&document).into_keys().collect::<Vec<_>>(),
        ))
    };
    changed(&document, &values)?.map_err(failed)
}

/// Sets keys and reads the result; an inner error is the key, as far as the deserializer knows it, and the message.
fn changed<T: DeserializeOwned>(
    document: &Table,
    values: &[(&str, &str)],
) -> Result<Result<T, (String, String)>, TrainError> {
    let mut document = document.clone();
    for (key, value) in values {
        set(&mut document, key, literal(value))?;
    }
    let read = serde_path_to_error::deserialize(Value::Table(document));
    Ok(read.map_err(|error| {
        let key = error.path().to_string();
        (key, error.into_inner().message().to_string())
    }))
}

/// Returns the whole keys of all values, with the values.
fn values_of(document: &Table) -> BTreeMap<String, String> {
    let of = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) => {
            let inner = values_of(inner).into_iter();
            inner
                .map(|(rest, value)| (format!("{key}.{rest}"), value))
                .collect()
        }
        value => vec![(key.clone(), value.to_string())],
    };
    document.iter().flat_map(of).collect()
}

/// Returns a phrase for each key whose value is not the same in two TOML documents, such as `seed = 0, now 1`.
///
/// # Errors
/// As [`parse`].
pub(crate) fn differences(before: &str, now: &str) -> Result<Vec<String>, TrainError> {
    let [before, now] = [parse(before)?, parse(now)?].map(|document: Table| values_of(&document));
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| before.get(*key) != now.get(*key));
    let value = |values: &BTreeMap<String, String>, key| {
        values.get(key).map_or("none".into(), String::clone)
    };
    Ok(differ
        .map(|key| format!("{key} = {}, now {}", value(&before, key), value(&now, key)))
        .collect())
}

/// Parses a TOML value; anything else becomes a string.
fn literal(value: &str) -> Value {
    let document = toml::from_str::<Table>(&format!("value = {value}"));
    let value_of = |mut document: Table| document.remove("value");
    let parsed = document.ok().filter(|table| table.len() == 1);
    let text = || Value::String(value.to_string());
    parsed.and_then(value_of).unwrap_or_else(text)
}

fn set(table: &mut Table, path: &str, value: Value) -> Result<(), TrainError> {
    let (mut table, mut rest) = (table, path);
    while let Some((section, inner)) = rest.split_once('.') {
        let entry = table
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(next) = entry else {
            return Err(TrainError::setting(
                path,
                "the key of a setting",
                format!("that {section} is a value, not a section"),
                "check the key",
            ));
        };
        (table, rest) = (next, inner);
    }
    table.insert(rest.to_string(), value);
    Ok(())
}

/// Likeness of two names from which one may be a slip of the other.
const ALIKE: f64 = 0.6;

/// Returns the message with the key's whole path and, for an unknown key, one of `elsewhere` with its name, or else the
/// nearest known one of its section.
fn explain(key: &str, message: &str, elsewhere: &[String]) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message
        .starts_with("unknown field")
        .then(|| names.next())
        .flatten();
    let Some(unknown) = unknown else {
        return match key.is_empty() || key == "." {
            true => message.to_string(),
            false => format!("{key}: {message}"),
        };
    };
    // The path ends with the unknown key if the deserializer reports it, else with its section.
    let path = match (key.rsplit('.').next(), key.is_empty() || key == ".") {
        (_, true) => unknown.to_string(),
        (Some(last), _) if last == unknown => key.to_string(),
        _ => format!("{key}.{unknown}"),
    };
    let known: Vec<&str> = names.collect();
    if known.is_empty() {
        return format!("unknown key {path}: this section takes no other keys");
    }
    let same = |whole: &&String| whole.rsplit('.').next() == Some(unknown);
    let nearest = known
        .iter()
        .filter(|name| likeness(name, unknown) >= ALIKE)
        .max_by(|a, b| likeness(a, unknown).total_cmp(&likeness(b, unknown)));
    let nearest = match (elsewhere.iter().find(same), nearest) {
        (Some(whole), _) => format!(" did you mean '{whole}'?"),
        (None, Some(nearest)) => format!(" did you mean '{nearest}'?"),
        (None, None) => String::new(),
    };
    format!(
        "unknown key {path}:{nearest} Known are {}",
        known.join(", ")
    )
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(a, b)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::config::RunConfig;
    use crate::presets::preset;

    fn message(key: &str, value: &str) -> String {
        let config = preset("quick", "action").unwrap();
        let changed = config.with_values([(key, value)]);
        changed.unwrap_err().to_string()
    }

    #[test]
    fn values_of_every_type_are_set() {
        let config = preset("quick", "action").unwrap();
        let changed = config
            .with_values([
                ("seed", "7"),
                ("patch", "[32, 32, 32]"),
                ("data.labeled", "10%"),
                ("data.preprocess.slice_size", "[64, 64]"),
                (
                    "method.optimizer.schedule",
                    r#"{ kind = "poly", power = 0.5 }"#,
                ),
            ])
            .unwrap();
        assert_eq!((changed.seed, changed.patch), (7, [32; 3]));
        assert_eq!(changed.data.labeled.to_string(), "10%");
        assert_eq!(changed.data.preprocess.slice_size, Some([64; 2]));
        assert!(changed.to_toml().unwrap().contains("power = 0.5"));
    }

    #[test]
    fn mistakes_name_the_whole_key_and_the_nearest_known_one() {
        for (key, value, expected) in [
            ("sead", "1", "unknown key sead: did you mean 'seed'?"),
            (
                "data.labelled",
                "1",
                "data.labelled: did you mean 'labeled'?",
            ),
            ("method.bnak", "1", "method.bnak: did you mean 'bank'?"),
            ("data.preprocess.spacing", "1", "'spacing_mm'?"),
            ("seed", "many", "seed: invalid type: string \"many\""),
            (
                "method.optimizer.momentum",
                "abc",
                "method.optimizer.momentum: invalid type: string \"abc\"",
            ),
            (
                "method.learning_rate",
                "1",
                "unknown key method.learning_rate: did you mean 'method.optimizer.learning_rate'?",
            ),
            ("xyz", "1", "unknown key xyz: Known are task, preset"),
            ("seed.x", "1", "seed is a value"),
        ] {
            let found = message(key, value);
            assert!(found.contains(expected), "{key}: {found}");
        }
        let config = preset("quick", "action").unwrap();
        for (values, expected) in [
            (
                [("method.queries", "abc"), ("method.bank", "xyz")],
                [
                    "method.queries: invalid type: string \"abc\"",
                    "method.bank: invalid type: string \"xyz\"",
                ],
            ),
            (
                [("seed", "many"), ("method.bank", "xyz")],
                [
                    "seed: invalid type: string \"many\"",
                    "method.bank: invalid type: string \"xyz\"",
                ],
            ),
        ] {
            let found = config.with_values(values).unwrap_err().to_string();
            assert!(expected.iter().any(|text| found.contains(text)), "{found}");
        }
    }

    #[test]
    fn a_stored_file_is_refused_with_the_line() {
        let text = preset("quick", "action").unwrap().to_toml().unwrap();
        let line = 1 + text.lines().position(|l| l.starts_with("labeled")).unwrap();
        let text = text.replace("\nlabeled = 8", "\nlabelled = 8");
        let message = RunConfig::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains(&format!("line {line}: ")), "{message}");
        assert!(message.contains("did you mean 'labeled'?"), "{message}");
        let message = RunConfig::from_toml("seed = = 1").unwrap_err().to_string();
        assert!(message.contains("line 1"), "{message}");
    }
}
