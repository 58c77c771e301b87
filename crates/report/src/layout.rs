//! Arrangement of the planes of a case on a page.

/// Width of the page's column and maximum height of a case, in pixels.
const COLUMN: [f64; 2] = [1040.0, 560.0];
/// Maximum number of screen pixels per voxel.
const ENLARGED: f64 = 8.0;
/// Height of the captions and sliders of a row, in pixels.
const CAPTION: f64 = 60.0;

/// The arrangement that shows the planes largest at one scale: all in a row,
/// or the first at the left and the others in a column beside it.
#[derive(Debug, PartialEq)]
pub(super) struct PlaneLayout {
    /// Width and height of every plane in mm.
    extents: Vec<[f64; 2]>,
    beside: bool,
    /// Pixels per mm.
    scale: f64,
}

impl PlaneLayout {
    /// Arranges planes of these widths and heights; `finest` is the voxel size in mm.
    pub(super) fn of(extents: &[[f64; 2]], finest: f64) -> Self {
        let [row, beside] = [false, true].map(|beside| {
            let mut layout = Self {
                extents: extents.to_vec(),
                beside,
                scale: 0.0,
            };
            layout.scale = layout.largest_scale().min(ENLARGED / finest);
            layout
        });
        match extents.len() > 1 && beside.scale > row.scale {
            true => beside,
            false => row,
        }
    }

    fn largest_scale(&self) -> f64 {
        let [width, height] = self.size();
        let captions = if self.beside { 2.0 * CAPTION } else { CAPTION };
        (COLUMN[0] / width).min((COLUMN[1] - captions) / height)
    }

    /// Returns width and height of all planes together, in mm.
    fn size(&self) -> [f64; 2] {
        let rest = &self.extents[usize::from(self.beside)..];
        let (widths, heights) = (rest.iter().map(|e| e[0]), rest.iter().map(|e| e[1]));
        match self.beside {
            false => [widths.sum(), heights.fold(0.0, f64::max)],
            true => {
                let [width, height] = self.extents[0];
                [width + self.widest(), height.max(heights.sum())]
            }
        }
    }

    /// Returns the width of the widest plane in the column, in mm.
    fn widest(&self) -> f64 {
        self.extents[1..].iter().map(|e| e[0]).fold(0.0, f64::max)
    }

    /// Returns the CSS of the element around all planes.
    pub(super) fn container(&self) -> String {
        let columns: Vec<String> = match self.beside {
            true => vec![fraction(self.extents[0][0]), fraction(self.widest())],
            false => self.extents.iter().map(|e| fraction(e[0])).collect(),
        };
        let width = self.size()[0] * self.scale;
        format!(
            "--columns:{};max-width:max({width:.0}px,17rem)",
            columns.join(" ")
        )
    }

    /// Returns the CSS of a plane's figure.
    pub(super) fn figure(&self, index: usize) -> String {
        match (self.beside, index) {
            (true, 0) => format!("grid-row:1/span {}", self.extents.len() - 1),
            (true, _) => {
                let share = 100.0 * self.extents[index][0] / self.widest();
                format!("--share:{share:.1}%")
            }
            (false, _) => String::new(),
        }
    }
}

fn fraction(width: f64) -> String {
    format!("minmax(0,{width:.2}fr)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_stacks_stand_beside_and_tall_volumes_in_a_row() {
        let stack = [[256.0, 216.0], [256.0, 10.0], [216.0, 10.0]];
        let layout = PlaneLayout::of(&stack, 1.0);
        assert!(layout.beside);
        assert_eq!(layout.figure(0), "grid-row:1/span 2");
        assert_eq!(layout.figure(2), "--share:84.4%");
        assert!((layout.scale * 512.0 - 1040.0).abs() < 1e-9);
        let tall = [[300.0, 250.0], [300.0, 400.0], [250.0, 400.0]];
        assert!(!PlaneLayout::of(&tall, 1.0).beside);
    }

    #[test]
    fn a_single_slice_fills_its_column_and_no_more() {
        let layout = PlaneLayout::of(&[[30.0, 20.0]], 1.0);
        assert_eq!(layout.scale, ENLARGED);
        assert!(
            layout
                .container()
                .starts_with("--columns:minmax(0,30.00fr);max-width:max(240px")
        );
    }
}
