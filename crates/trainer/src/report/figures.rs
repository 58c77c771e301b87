//! Learning curves and pictures of cases.

use std::collections::BTreeSet;
use std::fmt::Write;

use ndarray::ArrayView2;

use super::CasePicture;
use super::contour::contour_path;
use super::html::escape;
use super::slices::{self, Plane};
use super::svg::{Chart, line_chart};
use crate::run::metrics_log::MetricsRow;

/// Axial slices in the viewer of a case, at most.
const STACK: usize = 24;
/// Screen pixels per voxel, on screens that are wide enough.
const ENLARGED: f64 = 4.0;

/// The section of learning curves: total loss first, learning rate last.
pub(super) fn curves(metrics: &[MetricsRow]) -> String {
    let Some(last) = metrics.last() else {
        return String::new();
    };
    let stages = stages(metrics);
    let names: BTreeSet<&str> = (metrics.iter())
        .flat_map(|row| row.losses.keys().map(String::as_str))
        .collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| *name != "total");
    let mut html = String::from("<section><h2>Learning curves</h2><div class=\"charts\">");
    let mut add = |title: &str, points: Vec<(f64, f64)>, smooth| {
        let latest = points.last().map_or(String::new(), |p| short(p.1));
        let svg = line_chart(&Chart {
            title,
            points,
            stages: &stages,
            last_step: last.step as f64,
            smooth,
        });
        let _ = write!(
            html,
            "<figure><figcaption><b>{}</b><span>{latest}</span></figcaption>{svg}</figure>",
            escape(title)
        );
    };
    for name in names {
        let value = |row: &MetricsRow| Some((row.step as f64, *row.losses.get(name)?));
        add(
            &format!("loss: {name}"),
            metrics.iter().filter_map(value).collect(),
            true,
        );
    }
    let rates = metrics
        .iter()
        .map(|row| (row.step as f64, row.lr))
        .collect();
    add("learning rate", rates, false);
    html.push_str(
        "</div><p class=\"note\">By training step. Faint: as logged; bold: moving \
        average; at the right, the last value. Dashed lines: a new stage begins.</p></section>",
    );
    html
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (1e-3..1e4).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// The step at which each stage begins.
fn stages(metrics: &[MetricsRow]) -> Vec<(f64, &str)> {
    let mut stages: Vec<(f64, &str)> = Vec::new();
    for row in metrics {
        if stages.last().is_none_or(|(_, name)| *name != row.stage) {
            stages.push((row.step as f64, &row.stage));
        }
    }
    stages
}

/// The section of case pictures; they must have passed [`slices::check`].
pub(super) fn pictures(pictures: &[CasePicture]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section><h2>Pictures</h2>");
    pictures.iter().for_each(|picture| case(&mut html, picture));
    html.push_str(
        "<p class=\"note\">Gray values from the 1st to the 99th percentile of the scan. The axes x, \
         y, z are those of the stored array, drawn to the right and upwards; the three planes of a \
         case share one scale in mm. The slider goes through the axial slices.</p></section>",
    );
    html
}

fn case(html: &mut String, picture: &CasePicture) {
    let _ = write!(
        html,
        "<article class=\"case\"><div class=\"case-head\"><h3>{}</h3><p>{}</p><div class=\"legend\">\
         <label><input type=\"checkbox\" data-layer=\"reference\" checked><i class=\"reference\"></i>\
         reference</label><label><input type=\"checkbox\" data-layer=\"prediction\" checked>\
         <i class=\"prediction\"></i>prediction</label></div></div>",
        escape(&picture.id),
        escape(&picture.caption),
    );
    let finest = picture.spacing.into_iter().fold(f64::INFINITY, f64::min);
    let widths = [Plane::Axial, Plane::Coronal, Plane::Sagittal]
        .map(|plane| extent(picture, plane.drawn()[0]));
    let widest = widths.iter().sum::<f64>() / finest * ENLARGED;
    let _ = write!(
        html,
        "<div class=\"planes\" style=\"max-width:{widest:.0}px\">"
    );
    let window = slices::window(&picture.image);
    let middle = slices::middle(picture);
    let stack = slices::stack(picture, middle[2], STACK);
    planes(html, picture, window, (Plane::Axial, middle[2]), &stack);
    for plane in [Plane::Coronal, Plane::Sagittal] {
        let index = middle[plane.axis()];
        planes(html, picture, window, (plane, index), &[index]);
    }
    html.push_str("</div></article>");
}

/// Length of the volume along an axis, in mm.
fn extent(picture: &CasePicture, axis: usize) -> f64 {
    picture.image.shape()[axis] as f64 * picture.spacing[axis]
}

/// A panel of one plane: the slice at `shown`, and behind a slider the others.
fn planes(
    html: &mut String,
    picture: &CasePicture,
    window: [f32; 2],
    (plane, shown): (Plane, usize),
    indices: &[usize],
) {
    let [across, up] = plane.drawn().map(|axis| extent(picture, axis));
    let _ = write!(
        html,
        "<figure style=\"flex:{across:.2} 1 0\"><div class=\"stack\">"
    );
    for &index in indices {
        let image = slices::cut(picture.image.view(), plane, index);
        let address = slices::picture_address(image.view(), window);
        let hidden = if index == shown { "" } else { " hidden" };
        let _ = write!(
            html,
            "<svg class=\"slice\" data-index=\"{index}\" viewBox=\"0 0 {across:.3} {up:.3}\"{hidden}>\
             <image width=\"{across:.3}\" height=\"{up:.3}\" preserveAspectRatio=\"none\" \
             href=\"{address}\"/>"
        );
        for (class, labels) in [
            ("reference", &picture.reference),
            ("prediction", &picture.prediction),
        ] {
            let labels = slices::cut(labels.view(), plane, index);
            contour(html, class, labels.view(), [across, up]);
        }
        html.push_str("</svg>");
    }
    let count = picture.image.shape()[plane.axis()];
    let _ = write!(
        html,
        "</div><figcaption>{} = <output>{shown}</output> of 0&ndash;{}</figcaption>",
        plane.name(),
        count - 1
    );
    if indices.len() > 1 {
        let place = indices
            .iter()
            .position(|&index| index == shown)
            .unwrap_or(0);
        let _ = write!(
            html,
            "<input type=\"range\" min=\"0\" max=\"{}\" value=\"{place}\" aria-label=\"slice\">",
            indices.len() - 1
        );
    }
    html.push_str("</figure>");
}

fn contour(html: &mut String, class: &str, labels: ArrayView2<'_, u8>, [across, up]: [f64; 2]) {
    let (rows, columns) = labels.dim();
    let path = contour_path(labels);
    if !path.is_empty() {
        let _ = write!(
            html,
            "<path class=\"{class}\" transform=\"scale({:.5} {:.5})\" d=\"{path}\"/>",
            across / columns as f64,
            up / rows as f64
        );
    }
}
