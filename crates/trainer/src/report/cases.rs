//! The section of cases to look at: still pictures, and what the viewer needs.

use std::collections::BTreeSet;
use std::fmt::Write;

use ndarray::{ArrayView2, ArrayView3};
use semivox_data::Geometry;
use serde::Serialize;

use super::CasePicture;
use super::contour::contour_path;
use super::embed::{Embedded, embed};
use super::html::{class_name, escape};
use super::layout::Layout;
use super::planes::{Plane, planes, recorded};
use super::reduce::MARGIN_MM;
use super::slices;

/// Characters that the volumes of a page take together, at most.
const ROOM: usize = 12 << 20;
/// Intensities shown as black and white at first lie at these shares of the voxels.
const WINDOW: [f64; 2] = [0.01, 0.99];
/// Colors of classes in the style sheet.
const COLORS: u8 = 8;

/// The section of case pictures; they must have passed [`slices::check`].
pub(super) fn section(pictures: &[CasePicture], classes: &[String]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section class=\"cases\"><h2>Slices</h2>");
    for picture in pictures {
        let embedded = embed(picture, ROOM / pictures.len());
        Case::new(picture, embedded).write(&mut html, classes);
    }
    html.push_str(
        "<p class=\"note\">Gray values from the 1st to the 99th percentile of the scan at first. \
         Turn the mouse wheel over a picture, or use the arrow keys on its slider, to go through \
         the slices; drag over a picture to change the window (sideways) and the level (up and \
         down).",
    );
    if !pictures.iter().all(|picture| recorded(&picture.geometry)) {
        html.push_str(
            " A case without letters at the edges has no orientation in its file: its planes are \
             named as if x ran to the left, y to the back and z to the head.",
        );
    }
    html.push_str("</p></section>");
    html
}

/// A case with all that its pictures share.
struct Case<'a> {
    picture: &'a CasePicture,
    embedded: Embedded<'a>,
    geometry: Geometry,
    /// Those of its planes that show more than a line.
    planes: Vec<Plane>,
    /// The slice shown first, by array axis.
    middle: [usize; 3],
    window: [f32; 2],
    /// The classes that occur.
    labels: BTreeSet<u8>,
}

/// What the viewer is told about a case, beside its voxels.
#[derive(Serialize)]
struct Info<'a> {
    id: &'a str,
    shape: [usize; 3],
    low: f64,
    step: f64,
    window: [f32; 2],
    planes: Vec<PlaneInfo<'a>>,
}

#[derive(Serialize)]
struct PlaneInfo<'a> {
    #[serde(flatten)]
    plane: &'a Plane,
    /// The slice shown first.
    middle: usize,
    /// Numbers of the slices in the file, from 1, and how many it has.
    numbers: Vec<usize>,
    total: usize,
    /// Position of the first slice and distance to the next, in mm.
    first_mm: f64,
    step_mm: f64,
}

impl<'a> Case<'a> {
    fn new(picture: &'a CasePicture, embedded: Embedded<'a>) -> Self {
        let geometry = embedded.grid.geometry(&picture.geometry);
        let shape = embedded.grid.shape();
        let area = |plane: &Plane| shape[plane.across.axis].min(shape[plane.down.axis]);
        let all = planes(&picture.geometry);
        let most = all.iter().map(area).max().unwrap_or(1);
        let (reference, prediction) = (embedded.reference.view(), embedded.prediction.view());
        let labels = reference.iter().chain(prediction.iter()).copied();
        Self {
            planes: (all.into_iter().filter(|p| area(p) > 1 || most == 1)).collect(),
            middle: slices::middle(reference, prediction),
            window: slices::percentiles(embedded.image.view(), WINDOW),
            labels: labels.filter(|&label| label > 0).collect(),
            picture,
            geometry,
            embedded,
        }
    }

    fn write(&self, html: &mut String, classes: &[String]) {
        let _ = write!(
            html,
            "<article class=\"case\"><div class=\"case-head\"><h3>{}</h3><p>{}</p>\
             <div class=\"legend\">{}{}</div></div>",
            escape(&self.picture.id),
            escape(&self.picture.caption),
            layer("reference"),
            layer("prediction"),
        );
        self.controls(html, classes);
        let extents: Vec<_> = self.planes.iter().map(|plane| self.extent(plane)).collect();
        let spacing = self.geometry.spacing();
        let finest = spacing.into_iter().fold(f64::INFINITY, f64::min);
        let layout = Layout::of(&extents, finest);
        let _ = write!(
            html,
            "<div class=\"planes\" style=\"{}\">",
            layout.container()
        );
        for (index, plane) in self.planes.iter().enumerate() {
            let _ = write!(html, "<figure style=\"{}\">", layout.figure(index));
            self.plane(html, plane);
            html.push_str("</figure>");
        }
        let _ = write!(
            html,
            "</div>{}<script type=\"application/json\" class=\"info\">{}</script>\
             <script type=\"text/plain\" class=\"voxels\">{}</script></article>",
            self.reduction(),
            script_json(&self.info()),
            self.embedded.text,
        );
    }

    /// What the viewer lets a person change, out of sight until it runs.
    fn controls(&self, html: &mut String, classes: &[String]) {
        html.push_str(
            "<div class=\"controls\" hidden>\
             <label>Window <input type=\"range\" class=\"width\" min=\"1\" max=\"255\">\
             <output></output></label>\
             <label>Level <input type=\"range\" class=\"level\" min=\"0\" max=\"255\">\
             <output></output></label>\
             <button type=\"button\" class=\"reset\">Reset window</button>\
             <label>Fill <select class=\"fill\"><option value=\"\">nothing</option>\
             <option>reference</option><option>prediction</option></select></label>\
             <fieldset><legend>Classes</legend>",
        );
        for &label in &self.labels {
            let _ = write!(
                html,
                "<label><input type=\"checkbox\" class=\"class\" value=\"{label}\" \
                 data-color=\"--class-{color}\" checked>\
                 <i style=\"background:var(--class-{color})\"></i>{}</label>",
                escape(&class_name(classes, label)),
                color = (label - 1) % COLORS + 1,
            );
        }
        html.push_str("</fieldset></div>");
    }

    /// One plane: its still picture, where it is, and a slider for the viewer.
    fn plane(&self, html: &mut String, plane: &Plane) {
        let index = self.middle[plane.axis];
        let extent = self.extent(plane);
        html.push_str("<div class=\"frame\">");
        self.still(html, plane, index, extent);
        for (side, letter) in ["left", "right", "top", "bottom"]
            .iter()
            .zip(plane.sides.iter().flatten())
        {
            let _ = write!(
                html,
                "<b class=\"{side}\" aria-hidden=\"true\">{letter}</b>"
            );
        }
        let (count, number) = (
            self.picture.image.shape()[plane.axis],
            self.number(plane, index),
        );
        let _ = write!(
            html,
            "</div><figcaption>{} <output>slice {number} of {count}, {} = {:.1} mm</output></figcaption>\
             <input type=\"range\" class=\"slider\" min=\"0\" max=\"{}\" value=\"{index}\" \
             aria-label=\"{} slice of {}\" hidden>",
            plane.name,
            ["x", "y", "z"][plane.world],
            self.position(plane, index),
            self.embedded.grid.shape()[plane.axis] - 1,
            plane.name,
            escape(&self.picture.id),
        );
    }

    fn still(&self, html: &mut String, plane: &Plane, index: usize, [across, down]: [f64; 2]) {
        let image = slices::cut(self.embedded.image.view(), plane, index);
        let _ = write!(
            html,
            "<svg class=\"slice\" role=\"img\" aria-label=\"{} slice\" \
             viewBox=\"0 0 {across:.3} {down:.3}\"><image width=\"{across:.3}\" \
             height=\"{down:.3}\" preserveAspectRatio=\"none\" href=\"{}\"/>",
            plane.name,
            slices::picture_address(image.view(), self.window)
        );
        let layers: [(&str, ArrayView3<'_, u8>); 2] = [
            ("reference", self.embedded.reference.view()),
            ("prediction", self.embedded.prediction.view()),
        ];
        for (class, labels) in layers {
            let labels = slices::cut(labels, plane, index);
            contour(html, class, labels.view(), [across, down]);
        }
        html.push_str("</svg>");
    }

    /// How wide and high a plane is, in mm.
    fn extent(&self, plane: &Plane) -> [f64; 2] {
        let (shape, spacing) = (self.embedded.grid.shape(), self.geometry.spacing());
        [plane.across, plane.down].map(|along| shape[along.axis] as f64 * spacing[along.axis])
    }

    /// Where a slice lies along the axis of space it cuts, at the volume's middle.
    fn position(&self, plane: &Plane, index: usize) -> f64 {
        let mut voxel = self
            .embedded
            .grid
            .shape()
            .map(|side| (side as f64 - 1.0) / 2.0);
        voxel[plane.axis] = index as f64;
        self.geometry.position(voxel)[plane.world]
    }

    /// The number of a slice in the file, from 1.
    fn number(&self, plane: &Plane, index: usize) -> usize {
        self.embedded.grid.voxel(plane.axis, index) + 1
    }

    fn info(&self) -> Info<'_> {
        let shape = self.embedded.grid.shape();
        let plane_info = |plane| {
            let first_mm = self.position(plane, 0);
            PlaneInfo {
                plane,
                middle: self.middle[plane.axis],
                numbers: (0..shape[plane.axis])
                    .map(|i| self.number(plane, i))
                    .collect(),
                total: self.picture.image.shape()[plane.axis],
                first_mm,
                step_mm: self.position(plane, 1) - first_mm,
            }
        };
        Info {
            id: &self.picture.id,
            shape,
            low: self.embedded.scale.low,
            step: self.embedded.scale.step,
            window: self.window,
            planes: self.planes.iter().map(plane_info).collect(),
        }
    }

    /// Says what was left out of a volume too large for a page.
    fn reduction(&self) -> String {
        let grid = self.embedded.grid;
        let full: [usize; 3] = self.picture.image.dim().into();
        let mut said = Vec::new();
        if grid.size != full {
            said.push(format!("cut to {MARGIN_MM} mm around the labels"));
        }
        if grid.factor != [1; 3] {
            let [x, y, z] = grid.factor;
            said.push(format!(
                "subsampled by {x} × {y} × {z} (intensities averaged, labels of the middle voxel)"
            ));
        }
        match said.is_empty() {
            true => String::new(),
            false => format!(
                "<p class=\"note\">To keep this page small, the volume of {} × {} × {} voxels is {}.</p>",
                full[0],
                full[1],
                full[2],
                said.join(" and "),
            ),
        }
    }
}

fn layer(name: &str) -> String {
    format!(
        "<label><input type=\"checkbox\" data-layer=\"{name}\" checked>\
         <svg class=\"key\" viewBox=\"0 0 34 12\" aria-hidden=\"true\">\
         <path class=\"{name}\" d=\"M3 6H31\"/></svg>{name}</label>"
    )
}

fn contour(html: &mut String, class: &str, labels: ArrayView2<'_, u8>, [across, down]: [f64; 2]) {
    let (rows, columns) = labels.dim();
    let path = contour_path(labels);
    if !path.is_empty() {
        let _ = write!(
            html,
            "<path class=\"{class}\" transform=\"scale({:.5} {:.5})\" d=\"{path}\"/>",
            across / columns as f64,
            down / rows as f64
        );
    }
}

/// JSON that cannot end the script element it stands in.
fn script_json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value);
    debug_assert!(
        json.is_ok(),
        "numbers, names and lists of them have a JSON form"
    );
    json.unwrap_or_default().replace('<', "\\u003c")
}
