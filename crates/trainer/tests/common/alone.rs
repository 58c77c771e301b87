//! Runs a test in a process of its own.
//!
//! The CPU backend has one random number generator per process, and libtest runs the tests of a file in parallel in
//! one process. A step whose dropout masks are disturbed by another test could not be repeated.

use std::process::Command;

/// Environment variable set in the process that runs the test itself.
const ALONE: &str = "SEMIVOX_TEST_ALONE";

/// Runs `test`, whose path in this file is `path`, in a process of its own.
///
/// There it is the work of a pool of one thread: on maps of these sizes threads that share a step's loops cost more than
/// they save, and tests run side by side in any case.
pub fn alone(path: &str, test: impl FnOnce() + Send) {
    if std::env::var_os(ALONE).is_some() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        return pool.unwrap().install(test);
    }
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command
        .args(["--exact", path, "--nocapture"])
        .env(ALONE, "1");
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    print!("{out}");
    assert!(
        out.contains("1 passed") || !output.status.success(),
        "no test is called {path}"
    );
    assert!(output.status.success(), "{path} failed:\n{errors}");
}
