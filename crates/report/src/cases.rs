//! The section of case pictures: still slices, which the viewer replaces.

use std::fmt::Write;

use ndarray::ArrayView3;

use super::case::{Case, WINDOW};
use super::contour::contour;
use super::layout::PlaneLayout;
use super::planes::{Plane, recorded};
use super::slices;
use super::text::{class_name, escape};
use super::{CasePicture, ChannelPicture};

/// Maximum number of characters of all volumes of a page together.
const ROOM: usize = 12 << 20;
/// Number of class colors in the style sheet.
const COLORS: u8 = 8;

/// Returns the section of case pictures, which must have passed [`slices::check`].
pub(super) fn section(pictures: &[CasePicture], classes: &[String]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section class=\"cases\"><h2>Slices</h2>");
    for picture in pictures {
        let case = Case::new(picture, ROOM / pictures.len());
        article(&mut html, &case, classes);
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

/// Writes one case: its heading, the viewer's controls, its planes, and its voxels.
fn article(html: &mut String, case: &Case<'_>, classes: &[String]) {
    let _ = write!(
        html,
        "<article class=\"case\"><div class=\"case-head\"><h3>{}</h3><p>{}</p>\
         <div class=\"legend\">{}{}</div></div>",
        escape(&case.picture.id),
        escape(&case.picture.caption),
        layer("reference"),
        layer("prediction"),
    );
    controls(html, case, classes);
    let extents: Vec<_> = case.planes.iter().map(|plane| case.extent(plane)).collect();
    let spacing = case.geometry.spacing();
    let finest = spacing.into_iter().fold(f64::INFINITY, f64::min);
    let layout = PlaneLayout::of(&extents, finest);
    let _ = write!(
        html,
        "<div class=\"planes\" style=\"{}\">",
        layout.container()
    );
    for (index, plane) in case.planes.iter().enumerate() {
        let _ = write!(html, "<figure style=\"{}\">", layout.figure(index));
        figure(html, case, plane);
        html.push_str("</figure>");
    }
    html.push_str("</div>");
    for channel in &case.picture.other_channels {
        other_channel(html, case, channel, &layout);
    }
    if let Some(reduction) = case.reduction() {
        let _ = write!(html, "<p class=\"note\">{reduction}</p>");
    }
    let _ = write!(
        html,
        "<script type=\"application/json\" class=\"info\">{}</script>\
         <script type=\"text/plain\" class=\"voxels\">{}</script></article>",
        case.info(),
        case.embedded.text,
    );
}

/// Writes the controls of the viewer, hidden until it runs.
fn controls(html: &mut String, case: &Case<'_>, classes: &[String]) {
    html.push_str(
        "<div class=\"controls\" hidden>\
         <label>Window <input type=\"range\" class=\"width\" min=\"1\" max=\"255\">\
         <output></output></label>\
         <label>Level <input type=\"range\" class=\"level\" min=\"0\" max=\"255\">\
         <output></output></label>\
         <button type=\"button\" class=\"reset\">Reset window</button>\
         <label>Overlay <select class=\"fill\"><option value=\"\">none</option>\
         <option>reference</option><option>prediction</option></select></label>\
         <fieldset><legend>Classes</legend>",
    );
    for &label in &case.labels {
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

/// Writes one plane: its still picture, the slice's number and position, and a slider for the viewer.
fn figure(html: &mut String, case: &Case<'_>, plane: &Plane) {
    let index = case.middle[plane.axis];
    html.push_str("<div class=\"frame\">");
    still(html, case, plane, case.embedded.image.view(), case.window);
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
        case.picture.image.shape()[plane.axis],
        case.number(plane, index),
    );
    let _ = write!(
        html,
        "</div><figcaption>{} <output>slice {number} of {count}, {} = {:.1} mm</output></figcaption>\
         <input type=\"range\" class=\"slider\" min=\"0\" max=\"{}\" value=\"{index}\" \
         aria-label=\"{} slice of {}\" hidden>",
        plane.name,
        ["x", "y", "z"][plane.world],
        case.position(plane, index),
        case.embedded.grid.shape()[plane.axis] - 1,
        plane.name,
        escape(&case.picture.id),
    );
}

/// Writes the still slices of a further channel, at the same positions as those of the first one.
fn other_channel(
    html: &mut String,
    case: &Case<'_>,
    channel: &ChannelPicture,
    layout: &PlaneLayout,
) {
    let image = case.embedded.grid.image(&channel.image);
    let window = slices::percentiles(image.view(), WINDOW);
    let _ = write!(
        html,
        "<details class=\"channel\"><summary>{}</summary><div class=\"planes\" style=\"{}\">",
        escape(&channel.name),
        layout.container()
    );
    for (index, plane) in case.planes.iter().enumerate() {
        let _ = write!(
            html,
            "<figure style=\"{}\"><div class=\"frame\">",
            layout.figure(index)
        );
        still(html, case, plane, image.view(), window);
        html.push_str("</div></figure>");
    }
    html.push_str("</div></details>");
}

/// Writes the still picture of a plane: the slice that the viewer shows first, for browsers without scripts.
fn still(
    html: &mut String,
    case: &Case<'_>,
    plane: &Plane,
    image: ArrayView3<'_, f32>,
    window: [f32; 2],
) {
    let (index, [across, down]) = (case.middle[plane.axis], case.extent(plane));
    let image = slices::cut(image, plane, index);
    let _ = write!(
        html,
        "<svg class=\"slice\" role=\"img\" aria-label=\"{} slice\" \
         viewBox=\"0 0 {across:.3} {down:.3}\"><image width=\"{across:.3}\" \
         height=\"{down:.3}\" preserveAspectRatio=\"none\" href=\"{}\"/>",
        plane.name,
        slices::picture_address(image.view(), window)
    );
    let layers: [(&str, ArrayView3<'_, u8>); 2] = [
        ("reference", case.embedded.reference.view()),
        ("prediction", case.embedded.prediction.view()),
    ];
    for (class, labels) in layers {
        let labels = slices::cut(labels, plane, index);
        contour(html, class, labels.view(), [across, down]);
    }
    html.push_str("</svg>");
}

fn layer(name: &str) -> String {
    format!(
        "<label><input type=\"checkbox\" data-layer=\"{name}\" checked>\
         <svg class=\"key\" viewBox=\"0 0 34 12\" aria-hidden=\"true\">\
         <path class=\"{name}\" d=\"M3 6H31\"/></svg>{name}</label>"
    )
}
