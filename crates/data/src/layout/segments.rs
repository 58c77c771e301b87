//! Classes by the segments that 3D Slicer names in its label maps.

use std::path::Path;

use rayon::prelude::*;

use super::classes::Classes;
use crate::names::some_named;
use crate::{DataError, Dataset, LabelValues, Source, io};

/// The segments of a data set's label maps.
pub(super) struct Segments {
    /// Every pair of value and name once, in ascending order of the values.
    named: Vec<Segment>,
    /// Names of the label maps without segments.
    without: Vec<String>,
}

/// A segment, and the first file with it.
struct Segment {
    value: u32,
    name: String,
    file: String,
}

/// The way out of contradictory label maps.
const EXPORT: &str = "export the label maps again with the same values, in 3D Slicer with the segments in one order or \
    as label maps with one color table";

impl Segments {
    /// Reads the headers of the label maps of labeled and test cases.
    pub(super) fn of(dataset: &Dataset) -> Self {
        let labels = dataset.labeled.iter().chain(&dataset.test);
        let files = labels.filter_map(|case| match &case.label {
            Source::File(path) | Source::MappedFile { path, .. } => Some(path.as_path()),
            _ => None,
        });
        Self::read(&files.collect::<Vec<_>>())
    }

    /// Reads the headers of label maps; those that cannot be read are reported where their voxels are.
    pub(super) fn read(labels: &[&Path]) -> Self {
        let read = |path: &&Path| io::segments_in(path).unwrap_or_default();
        let found: Vec<Vec<(u32, String)>> = labels.par_iter().map(read).collect();
        let (mut named, mut without) = (Vec::<Segment>::new(), Vec::new());
        for (path, segments) in labels.iter().zip(found) {
            let file = path.file_name().unwrap_or_default();
            let file = file.to_string_lossy().into_owned();
            if segments.is_empty() {
                without.push(file.clone());
            }
            for (value, name) in segments {
                let known = |known: &Segment| known.value == value && same(&known.name, &name);
                if !named.iter().any(known) {
                    let file = file.clone();
                    named.push(Segment { value, name, file });
                }
            }
        }
        named.sort_by_key(|segment| segment.value);
        Self { named, without }
    }

    /// Whether no label map names a segment.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The classes that the segments name, if all label maps agree; `folder` is that of the label maps.
    pub(super) fn classes(&self, folder: &Path) -> Result<Classes, DataError> {
        if let Some(pair) = self.pair(|a, b| same(&a.name, &b.name)) {
            return Err(two_values(folder, pair));
        }
        if let Some([a, b]) = self.pair(|a, b| a.value == b.value) {
            let found = format!(
                "the value {} for `{}` in `{}` and for `{}` in `{}`",
                a.value, a.name, a.file, b.name, b.file
            );
            let hint = format!("{EXPORT}; if both names mean one class, name it in `classes.txt`");
            let expected = "label maps in which a value stands for one segment";
            return Err(DataError::unexpected(folder, expected, found, hint));
        }
        let named = self.named.iter();
        let named = named.map(|segment| (segment.value, class_name(&segment.name)));
        let background = std::iter::once((0, BACKGROUND.to_string()));
        Classes::numbered(folder, background.chain(named))
    }

    /// A note that the classes are those of the segments.
    pub(super) fn note(&self) -> String {
        let named = self.named.iter();
        let named: Vec<String> = named
            .map(|segment| format!("{} {}", segment.value, segment.name))
            .collect();
        let others = match self.without.is_empty() {
            true => String::new(),
            false => {
                let files = some_named(&self.without, "files");
                format!("; label maps without segments are taken to have the same values: {files}")
            }
        };
        let named = some_named(&named, "segments");
        format!(
            "classes named by the label maps' segments: {named}; a `classes.txt` overrides them{others}"
        )
    }

    /// Compares the segments with the classes of a description, and returns a note about names that only differ.
    ///
    /// # Errors
    ///
    /// [`DataError::Unexpected`] if the description names another value like a segment, or if the value of one segment
    /// has several classes.
    pub(super) fn compare(
        &self,
        path: &Path,
        names: &[String],
        values: &LabelValues,
    ) -> Result<Option<String>, DataError> {
        let class = |segment: &Segment| values.class(segment.value);
        let apart = |a: &Segment, b: &Segment| same(&a.name, &b.name) && class(a) != class(b);
        if let Some(pair) = self.pair(|a, b| apart(a, b) && !is_automatic(&a.name)) {
            return Err(two_values(path, pair));
        }
        let mut differing = Vec::new();
        for segment in &self.named {
            // Values without a description are refused where the voxels are read.
            let Some(class) = class(segment) else {
                continue;
            };
            let Segment { value, name, file } = segment;
            let written = names.get(usize::from(class)).map_or("ignore", |name| name);
            if same(written, name) {
                continue;
            }
            if names.iter().any(|other| same(other, name)) {
                let found =
                    format!("`{value} {written}`, the value of the segment `{name}` in `{file}`");
                let hint = format!("correct the description, or {EXPORT}");
                let expected = "the names that the segments of the label maps have";
                return Err(DataError::unexpected(path, expected, found, hint));
            }
            differing.push(format!("{value} {written} ({name})"));
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let differing = (!differing.is_empty()).then(|| some_named(&differing, "values"));
        Ok(differing.map(|differing| {
            format!(
                "names by {file}, which differ from those of the label maps' segments: {differing}"
            )
        }))
    }

    /// The first two different segments of which `is` holds.
    fn pair(&self, is: impl Fn(&Segment, &Segment) -> bool) -> Option<[&Segment; 2]> {
        self.named.iter().enumerate().find_map(|(at, a)| {
            let b = self.named[at + 1..].iter().find(|b| is(a, b))?;
            Some([a, b])
        })
    }
}

const BACKGROUND: &str = "background";

/// The name of a class; a segment that is drawn for the background belongs to it.
fn class_name(name: &str) -> String {
    match same(name, BACKGROUND) {
        true => BACKGROUND.into(),
        false => name.into(),
    }
}

/// Whether two names differ in the case of letters at most.
fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Whether 3D Slicer has numbered a segment that nobody has named.
fn is_automatic(name: &str) -> bool {
    let number = name.strip_prefix("Segment_");
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// An error about one name with two values.
fn two_values(path: &Path, [a, b]: [&Segment; 2]) -> DataError {
    let found = format!(
        "`{}` with the value {} in `{}` and {} in `{}`",
        a.name, a.value, a.file, b.value, b.file
    );
    let expected = "label maps in which a segment has one value";
    DataError::unexpected(path, expected, found, EXPORT)
}
