//! Unit tests of the report: content, escaping, order of the cases.
#![allow(clippy::unwrap_used)]

use super::*;
use semivox_inference::evaluation::{CaseEvaluation, ClassEvaluation, Protocol};

fn rows() -> Vec<MetricsRow> {
    let row = |step: u64| MetricsRow {
        step: step * 10,
        stage: if step < 20 { "warm-up" } else { "main" }.into(),
        losses: [
            ("<dice>".to_string(), 1.0 / step as f64),
            ("pseudo_active".to_string(), 1.0),
        ]
        .into(),
        lr: 0.01,
        seconds_per_step: 5.0,
        data_wait: 0.1,
    };
    (1..=40).map(row).collect()
}

fn case(id: &str, dice: Option<f64>) -> CaseEvaluation {
    let class = |label, hd95_mm| ClassEvaluation {
        label,
        dice,
        jaccard: None,
        hd95_mm,
        hd95_directed_max_mm: None,
        asd_mm: None,
        assd_mm: None,
    };
    CaseEvaluation {
        id: id.into(),
        seen: None,
        classes: vec![class(1, Some(3.25)), class(2, None)],
    }
}

fn input() -> ReportInput<'static> {
    let cases = vec![
        case("</script><b>one</b>", Some(0.5)),
        case("two", Some(0.25)),
        case("three", None),
    ];
    let labels = Array3::from_shape_fn((8, 7, 6), |(x, y, z)| u8::from(x + y + z < 8));
    let protocol = Protocol {
        labeled: Some(4),
        labeled_units: Some(2),
        ..Protocol::default()
    };
    ReportInput {
        title: "A & B".into(),
        labeled: Some(4),
        classes: ["background", "left", "<script>alert(1)</script>"]
            .map(str::to_string)
            .into(),
        config_toml: "name = \"</pre><script>\"",
        metrics: rows(),
        iterations: Some(1000),
        evaluation: Some(Evaluation::new(protocol, cases)),
        pictures: vec![CasePicture {
            id: "</script><b>one</b>".into(),
            caption: "<worst>".into(),
            image: Array3::from_shape_fn((8, 7, 6), |(x, y, z)| (x * y * z) as f32),
            other_channels: Vec::new(),
            prediction: labels.mapv(|label| label * 2),
            reference: labels,
            geometry: Geometry::from_spacing([1.0, 1.0, 2.5]).translated([1.0; 3]),
        }],
        notices: vec!["<stopped>".into()],
    }
}

#[test]
fn a_full_report_shows_everything_and_fetches_nothing() {
    let html = render(&input()).unwrap();
    for expected in [
        "<title>A &amp; B</title>",
        "4 labeled cases of 2 patients &middot; Dice 37.5&nbsp;% &middot; HD95 3.25&nbsp;mm &middot; 400 steps",
        "&lt;stopped&gt;",
        "This run is at step 400 of 1,000",
        "two<span class=\"mark worst\">worst</span>",
        "<b>2 of 6 undefined</b>",
        "3.25<small class=\"undefined\">1 undefined</small>",
        "<b>&lt;dice&gt;</b>",
        "<b>pseudo_active</b>",
        "Terms of the loss are shown before their weights",
        "<b>learning rate</b>",
        "<b>waiting for data, % of a step</b>",
        "<li>main <small>steps 200&ndash;400</small></li>",
        "class=\"reference\" transform",
        "class=\"prediction\" transform",
        "<b class=\"left\" aria-hidden=\"true\">R</b>",
        "slice 2 of 6, z = 5.0 mm",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    assert_eq!(html.matches("<path class=\"stage\"").count(), 4);
    assert_eq!(html.matches("<svg class=\"slice\"").count(), 3);
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("NaN"));
}

#[test]
fn names_cannot_become_markup() {
    let html = render(&input()).unwrap();
    for escaped in [
        "name = &quot;&lt;/pre&gt;&lt;script&gt;&quot;",
        "&lt;/script&gt;&lt;b&gt;one&lt;/b&gt;<span class=\"mark median best\">",
        "<h3>&lt;/script&gt;&lt;b&gt;one&lt;/b&gt;</h3><p>&lt;worst&gt;</p>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\"id\":\"\\u003c/script>\\u003cb>one\\u003c/b>\"",
    ] {
        assert!(html.contains(escaped), "{escaped}");
    }
    assert!(!html.contains("<b>one") && !html.contains("<script>alert"));
    // The case's data, its voxels and the page's own script.
    assert_eq!(html.matches("<script").count(), 3);
    assert_eq!(html.matches("</script>").count(), 3);
}

#[test]
fn cases_are_listed_from_the_worst_and_undefined_ones_last() {
    let html = render(&input()).unwrap();
    let places: Vec<usize> = ["two", "&lt;/script&gt;&lt;b&gt;one&lt;/b&gt;", "three"]
        .iter()
        .map(|id| html.find(&format!("<tbody data-case=\"{id}\"")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(html.contains("data-values=\"[25,null,3.25,null,null]\""));
    assert!(
        !html.contains("HD95&nbsp;max"),
        "an evaluation from before this metric"
    );
    let mut input = input();
    for case in &mut input.evaluation.as_mut().unwrap().cases {
        case.classes[0].hd95_directed_max_mm = Some(4.5);
    }
    let Some(Evaluation {
        protocol, cases, ..
    }) = input.evaluation
    else {
        panic!()
    };
    input.evaluation = Some(Evaluation::new(protocol, cases));
    let html = render(&input).unwrap();
    assert!(html.contains("HD95&nbsp;max&nbsp;mm</th>"));
    assert!(html.contains("data-values=\"[25,null,3.25,4.5,null,null]\""));
}

#[test]
fn seen_cases_are_marked_and_have_a_mean_without_them() {
    let seen_mark =
        "two<span class=\"mark worst\">worst</span><span class=\"mark\">seen in training</span>";
    let row = "<dt>Mean Dice without seen cases</dt><dd>50.0 %</dd>";
    let mut input = input();
    for case in &mut input.evaluation.as_mut().unwrap().cases {
        case.seen = Some(false);
    }
    let html = render(&input).unwrap();
    assert!(!html.contains("seen in training") && !html.contains("without seen cases"));

    let sentence = ("two".to_string(), "case two".to_string());
    let evaluation = input.evaluation.take().unwrap();
    input.evaluation = Some(evaluation.with_seen(&[sentence].into()));
    let html = render(&input).unwrap();
    assert!(html.contains(seen_mark) && html.contains(row));
    assert_eq!(html.matches("seen in training").count(), 1);
}

#[test]
fn a_report_without_evaluation_or_steps_is_written() {
    let empty = ReportInput {
        metrics: vec![],
        evaluation: None,
        pictures: vec![],
        ..input()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.html");
    write(&path, &empty).unwrap();
    let html = std::fs::read_to_string(path).unwrap();
    assert!(html.contains("has not been evaluated") && html.contains("no training step"));
}
