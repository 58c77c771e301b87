//! Compile-time checks of the public interface.

use semivox::data::{DataError, Dataset, LabelMap, Survey, Volume};
use semivox::inference::evaluation::Evaluation;
use semivox::inference::{InferenceError, Model};
use semivox::metrics::MetricError;
use semivox::models::Network;
use semivox::trainer::TrainError;
use semivox::trainer::config::RunConfig;
use semivox::trainer::session::Session;

fn threads<T: Send + Sync>() {}

fn error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn data_settings_networks_and_errors_go_between_threads() {
    threads::<(Volume, LabelMap, Dataset, Survey)>();
    threads::<(RunConfig, Evaluation, Session)>();
    threads::<(Network, Model)>();
    error::<TrainError>();
    error::<InferenceError>();
    error::<DataError>();
    error::<MetricError>();
}
