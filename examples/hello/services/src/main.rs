//! Two small services to put a gateway in front of, each on a port of its own.

mod greeter;
mod inventory;

use std::process::ExitCode;

use services_kit::Service;

fn main() -> ExitCode {
    services_kit::run(
        "hello-services",
        vec![
            Service::new("127.0.0.1:9101", greeter::answer),
            Service::new("127.0.0.1:9102", inventory::answer),
        ],
    )
}
