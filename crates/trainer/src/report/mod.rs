//! `report.html`.
