//! The grid of a series: slices in the order of their positions, at equal distances.

use std::path::Path;

use super::series::{name, wrong};
use super::slice::{Slice, dot};
use super::{alike, straight};
use crate::{DataError, Geometry};

/// Slices closer than this part of the usual distance lie at one position.
const SAME_POSITION: f64 = 0.01;

/// From this multiple of the usual distance on, a slice is missing.
const GAP: f64 = 1.5;

/// The largest distance of a slice from its place on the regular grid, as a part of the distance of slices.
const UNEVEN: f64 = 0.1;

/// The same limit for a note instead of an error.
const NOTED: f64 = 0.01;

/// Sorts slices and returns their geometry, with notes about doubts.
pub(super) fn sorted(
    folder: &Path,
    slices: &mut [Slice],
) -> Result<(Geometry, Vec<String>), DataError> {
    alike::expect(folder, slices)?;
    let stack = Stack::new(folder, slices);
    slices.sort_by(|a, b| stack.height(a).total_cmp(&stack.height(b)));
    let (step, mut notes) = stack.step(slices)?;
    if slices.iter().any(|slice| slice.inverted) {
        notes.push(INVERTED.into());
    }
    Ok((stack.geometry(&slices[0], step), notes))
}

const INVERTED: &str = "its gray values are stored inverted (MONOCHROME1) and turned round, as ITK does; \
    if other scans are not, change its PhotometricInterpretation to MONOCHROME2";

/// A note if slices seem to be left out at regular distances: they are farther apart than their headers say, and their
/// numbers skip others.
fn left_out(slices: &[Slice], step: f64) -> Option<String> {
    let stated = slices[0]
        .thickness
        .filter(|&stated| step >= GAP * stated && stated > 0.0)?;
    let numbers: Option<Vec<i64>> = slices.iter().map(|slice| slice.number).collect();
    let numbers = numbers?;
    let jumps = || {
        numbers
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]))
    };
    let jump = jumps()
        .next()
        .filter(|&first| jumps().all(|jump| jump == first))?;
    (jump.unsigned_abs() > 1).then(|| {
        format!(
            "its slices lie {step:.3} mm apart, but {stated} mm by their headers, and their instance numbers go in \
             steps of {}: slices between them may be missing; if so, add them",
            jump.unsigned_abs()
        )
    })
}

/// The frame of a stack of slices.
struct Stack<'a> {
    folder: &'a Path,
    directions: [[f64; 3]; 2],
    normal: [f64; 3],
    spacing: [f64; 2],
}

impl<'a> Stack<'a> {
    fn new(folder: &'a Path, slices: &[Slice]) -> Self {
        let directions = slices[0].directions;
        let [r, c] = directions;
        let normal = std::array::from_fn(|k| {
            let (i, j) = ((k + 1) % 3, (k + 2) % 3);
            r[i] * c[j] - r[j] * c[i]
        });
        Self {
            folder,
            directions,
            normal,
            spacing: slices[0].spacing,
        }
    }

    /// The position along the normal.
    fn height(&self, slice: &Slice) -> f64 {
        dot(slice.position, self.normal)
    }

    /// The distance of neighboring slices, which are sorted.
    fn step(&self, slices: &[Slice]) -> Result<(f64, Vec<String>), DataError> {
        let [first, .., last] = slices else {
            return Ok(self.single(&slices[0]));
        };
        let heights: Vec<f64> = slices.iter().map(|slice| self.height(slice)).collect();
        let gaps: Vec<f64> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut in_order = gaps.clone();
        in_order.sort_by(f64::total_cmp);
        let usual = in_order[(gaps.len() - 1) / 2];
        self.expect_apart(slices, &gaps, in_order[gaps.len() - 1])?;
        if let Some(at) = gaps.iter().position(|&gap| gap > GAP * usual) {
            let [a, b] = [&slices[at], &slices[at + 1]].map(|slice| name(&slice.path));
            let found = format!(
                "{:.3} mm between `{a}` and `{b}`, and {usual:.3} mm between others",
                gaps[at]
            );
            let hint = "add the slices that are missing, or remove the case";
            return Err(wrong(self.folder, "without a gap", found, hint));
        }
        straight::expect(self.folder, slices, self.normal)?;
        // As ITK has it, by the outermost slices.
        let step = std::array::from_fn(|k| last.position[k] - first.position[k]);
        let step = dot(step, step).sqrt() / gaps.len() as f64;
        let off = heights.iter().enumerate();
        let off = off.map(|(index, height)| (height - heights[0] - step * index as f64).abs());
        let off = off.fold(0.0, f64::max) / step;
        let percent = 100.0 * off;
        if off > UNEVEN {
            let found = format!(
                "slices that lie up to {percent:.0} % of their distance of {step:.3} mm off"
            );
            let hint =
                "resample the series to equal distances, for instance with dcm2niix or 3D Slicer";
            return Err(wrong(
                self.folder,
                "with slices at equal distances",
                found,
                hint,
            ));
        }
        let note = || {
            format!(
                "its slices lie up to {percent:.0} % of their distance off equal distances, which are assumed"
            )
        };
        let uneven = (off > NOTED).then(note);
        let notes = uneven.into_iter().chain(left_out(slices, step));
        Ok((step, notes.collect()))
    }

    /// The distance of slices of a series of one, and a note.
    fn single(&self, slice: &Slice) -> (f64, Vec<String>) {
        let stated = slice
            .thickness
            .filter(|side| side.is_finite() && *side > 0.0);
        let note = match stated {
            Some(side) => {
                format!("a series of a single slice; it is {side} mm thick by its header")
            }
            None => "a series of a single slice without a thickness; 1 mm is assumed".into(),
        };
        (stated.unwrap_or(1.0), vec![note])
    }

    fn expect_apart(&self, slices: &[Slice], gaps: &[f64], largest: f64) -> Result<(), DataError> {
        let same = |gap: f64| gap <= SAME_POSITION * largest;
        let Some(at) = gaps.iter().position(|&gap| same(gap)) else {
            return Ok(());
        };
        let [a, b] = [&slices[at], &slices[at + 1]].map(|slice| name(&slice.path));
        let more = match gaps.iter().filter(|&&gap| same(gap)).count() - 1 {
            0 => String::new(),
            more => format!(", and {more} more such pairs"),
        };
        let found = format!("`{a}` and `{b}`{more}");
        let hint =
            "remove the copies; put time points, echoes or reconstructions into a folder each";
        Err(wrong(
            self.folder,
            "with one slice at a position",
            found,
            hint,
        ))
    }

    /// The affine in NIfTI's frame.
    fn geometry(&self, first: &Slice, step: f64) -> Geometry {
        let [along, down] = self.spacing;
        let columns = [
            self.directions[0].map(|part| part * along),
            self.directions[1].map(|part| part * down),
            self.normal.map(|part| part * step),
            first.position,
        ];
        let mut geometry = Geometry::default();
        for (row, sign) in [-1.0, -1.0, 1.0].into_iter().enumerate() {
            geometry.affine[row] = columns.map(|column| sign * column[row]);
        }
        geometry
    }
}
