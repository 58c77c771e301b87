//! Lists of case names, one per line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::file_names::stem;
use super::text::{self, composed};
use crate::DataError;
use crate::names::some_named;

/// Names and the file that contains them.
pub(super) struct List {
    pub(super) path: PathBuf,
    pub(super) names: Vec<String>,
}

/// Lists of cases that do not train, by falling rank.
pub(super) const HELD_OUT: [&str; 2] = ["test.list", "val.list"];

/// The lists of a data set.
pub(super) struct Lists {
    /// The training cases in their order.
    pub(super) train: Option<List>,
    /// The test cases.
    pub(super) test: Option<List>,
    /// Cases that neither train nor test: those of `val.list` beside a `test.list`.
    pub(super) aside: Option<List>,
}

impl Lists {
    /// Reads `train.list` and the lists `held_out`: the first that exists has the test cases, the next is set aside.
    pub(super) fn find(root: &Path, held_out: &[&str]) -> Result<Self, DataError> {
        Self::with_training(List::find(root, &["train.list"])?, root, held_out)
    }

    /// Like [`find`](Self::find), with these training cases.
    pub(super) fn with_training(
        train: Option<List>,
        root: &Path,
        held_out: &[&str],
    ) -> Result<Self, DataError> {
        let lists = held_out.iter().map(|name| List::find(root, &[name]));
        let lists: Result<Vec<_>, DataError> = lists.filter_map(Result::transpose).collect();
        let mut lists = lists?.into_iter();
        let (test, aside) = (lists.next(), lists.next());
        Self { train, test, aside }.disjoint()
    }

    /// Adds test cases that the files of `path` show. Those that are set aside stay so, and a `val.list` alone is set aside
    /// in their favor.
    pub(super) fn add_test(&mut self, mut names: Vec<String>, path: PathBuf) {
        names.retain(|name| !self.holds_out(name));
        if names.is_empty() {
            return;
        }
        let validation = |list: &mut List| list.path.ends_with(HELD_OUT[1]);
        if self.aside.is_none() {
            self.aside = self.test.take_if(validation);
        }
        match &mut self.test {
            Some(list) => list.names.extend(names),
            None => self.test = Some(List { path, names }),
        }
    }

    /// Changes every list.
    pub(super) fn map(self, change: fn(List) -> List) -> Self {
        Self {
            train: self.train.map(change),
            test: self.test.map(change),
            aside: self.aside.map(change),
        }
    }

    /// Returns an error for a case that would train although another list holds it out.
    pub(super) fn disjoint(self) -> Result<Self, DataError> {
        if let Some(train) = &self.train {
            for other in self.test.iter().chain(&self.aside) {
                train.check_disjoint(other)?;
            }
        }
        Ok(self)
    }

    /// Whether a case is held out.
    pub(super) fn holds_out(&self, name: &String) -> bool {
        let mut lists = self.test.iter().chain(&self.aside);
        lists.any(|list| list.names.contains(name))
    }

    /// The cases that neither train nor test.
    pub(super) fn set_aside(&self) -> Vec<&String> {
        let tested = |name: &&String| {
            let mut tests = self.test.iter();
            tests.any(|list| list.names.contains(name))
        };
        let names = self.aside.iter().flat_map(|list| &list.names);
        names.filter(|name| !tested(name)).collect()
    }

    /// A note about the cases that neither train nor test.
    pub(super) fn note(&self) -> Option<String> {
        let names = self.set_aside();
        let [test, aside] = HELD_OUT;
        let listed = self
            .test
            .as_ref()
            .is_some_and(|list| list.path.ends_with(test));
        let beside = match listed {
            true => format!("a {test}"),
            false => "label maps in labelsTs/".into(),
        };
        (!names.is_empty()).then(|| {
            format!(
                "in {aside}, beside {beside}: {}; neither trained on nor tested; move the lines to {test} to test on \
                 them, or remove them to train on them",
                some_named(&names, "cases")
            )
        })
    }
}

impl List {
    /// Reads the first of `candidates` that exists in `root`.
    pub(super) fn find(root: &Path, candidates: &[&str]) -> Result<Option<Self>, DataError> {
        let path = candidates
            .iter()
            .map(|name| root.join(name))
            .find(|path| path.is_file());
        path.map(Self::read).transpose()
    }

    /// Reads a list; lines starting with `#` are comments.
    pub(super) fn read(path: PathBuf) -> Result<Self, DataError> {
        let names: Vec<String> = lines(&path)?
            .iter()
            .filter(|line| !line.starts_with('#'))
            .map(|line| case_name(line))
            .collect();
        if names.is_empty() {
            return Err(no_line(&path));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(DataError::unexpected(
                &path,
                "every case once",
                format!("`{twice}` twice"),
                "remove the second line",
            ));
        }
        Ok(Self { path, names })
    }

    /// Returns an error for a case that `other` contains too.
    pub(super) fn check_disjoint(&self, other: &Self) -> Result<(), DataError> {
        let others: HashSet<&String> = other.names.iter().collect();
        match self.names.iter().find(|name| others.contains(name)) {
            None => Ok(()),
            Some(both) => Err(DataError::unexpected(
                &self.path,
                format!("no case of `{}`", other.path.display()),
                format!("`{both}` in both"),
                "remove it from one of them: a case held out must not train",
            )),
        }
    }
}

/// The trimmed, non-empty lines of a text file; at least one.
pub(super) fn lines(path: &Path) -> Result<Vec<String>, DataError> {
    let text = text::read_text(path)?;
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(Into::into)
        .collect();
    if lines.is_empty() {
        return Err(no_line(path));
    }
    Ok(lines)
}

fn no_line(path: &Path) -> DataError {
    DataError::unexpected(
        path,
        "one name a line",
        "no line",
        "fill it in or remove it",
    )
}

/// The name of the case that a line of a text file names, with or without the extension of its file.
pub(crate) fn case_name(line: &str) -> String {
    let id = stem(line).or_else(|| line.strip_suffix(".h5"));
    composed(id.unwrap_or(line))
}

/// Returns an error for a line that occurs twice.
pub(super) fn expect_distinct(path: &Path, lines: &[String], hint: &str) -> Result<(), DataError> {
    let mut seen = HashSet::new();
    match lines.iter().find(|line| !seen.insert(line.as_str())) {
        None => Ok(()),
        Some(twice) => {
            let found = format!("`{twice}` twice");
            Err(DataError::unexpected(path, "different names", found, hint))
        }
    }
}
