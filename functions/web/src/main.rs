//! Serves the function web.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(web::NAME, web::build)
}
