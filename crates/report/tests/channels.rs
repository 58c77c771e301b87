//! A report of a scan of two channels, which `.ci/run` opens in a browser.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use ndarray::Array3;
use semivox_data::Geometry;
use semivox_report::{CasePicture, ChannelPicture, ReportInput, write};

fn picture() -> CasePicture {
    let labels = Array3::from_shape_fn((12, 10, 8), |(x, y, _)| {
        u8::from((4..9).contains(&x) && y > 4)
    });
    let image = Array3::from_shape_fn((12, 10, 8), |(x, y, z)| (x * y + 7 * z) as f32);
    CasePicture {
        id: "scan".into(),
        caption: "two channels".into(),
        other_channels: vec![ChannelPicture {
            name: "FLAIR".into(),
            image: image.mapv(|value| 100.0 - value),
        }],
        prediction: Array3::from_shape_fn((12, 10, 8), |(x, y, z)| u8::from(x > 4 && y + z > 7)),
        reference: labels,
        image,
        geometry: Geometry::from_spacing([1.0, 1.0, 2.5]),
    }
}

/// Returns the text after the first `start`, up to the `end` that follows.
fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = html.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// The viewer takes the figures in the planes directly below the case, in the order of `info.planes`; those of further
/// channels have neither slider nor metadata.
#[test]
fn only_the_planes_of_the_first_channel_are_for_the_viewer() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two_channels");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("report.html");
    let input = ReportInput {
        title: "Two channels".into(),
        classes: vec!["background".into(), "lesion".into()],
        pictures: vec![picture()],
        ..ReportInput::default()
    };
    write(&path, &input).unwrap();
    let html = std::fs::read_to_string(path).unwrap();

    let case = between(&html, "<article class=\"case\">", "</article>");
    let info = between(case, "class=\"info\">", "</script>");
    let info: serde_json::Value = serde_json::from_str(info).unwrap();
    let planes: Vec<&str> = (info["planes"].as_array().unwrap().iter())
        .map(|plane| plane["name"].as_str().unwrap())
        .collect();
    assert_eq!(planes.len(), 3);

    let (first, other) = case.split_once("<details class=\"channel\">").unwrap();
    let other = other.split_once("</details>").unwrap().0;
    let (head, figures) = first.split_once("<div class=\"planes\"").unwrap();
    let captions: Vec<&str> = (figures.split("<figcaption>").skip(1))
        .map(|caption| caption.split_once(" <output>").unwrap().0)
        .collect();
    assert_eq!(captions, planes);
    let count = |html: &str, text: &str| html.matches(text).count();
    assert_eq!(count(figures, "<figure "), planes.len());
    assert_eq!(count(figures, "class=\"slider\""), planes.len());
    // Each lies directly in the case: all elements before it are closed, and so are the planes before the next channel.
    assert_eq!(count(head, "<div"), count(head, "</div>"));
    assert_eq!(count(figures, "<div") + 1, count(figures, "</div>"));
    assert!(other.starts_with("<summary>FLAIR</summary><div class=\"planes\""));
    assert_eq!(count(other, "<svg class=\"slice\""), planes.len());
    assert_eq!(count(other, "class=\"slider\""), 0);
}
