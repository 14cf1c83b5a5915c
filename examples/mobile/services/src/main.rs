//! Four services, of which each knows a part of a product's details. Each takes 40 ms for an answer,
//! and can be told to be slow or down.

mod catalog;
mod inventory;
mod recommendations;
mod reviews;

use std::{process::ExitCode, time::Duration};

use services_kit::Service;

const EACH_TAKES: Duration = Duration::from_millis(40);

fn main() -> ExitCode {
    let services = [
        Service::new("127.0.0.1:9301", catalog::answer),
        Service::new("127.0.0.1:9302", inventory::answer),
        Service::new("127.0.0.1:9303", reviews::answer),
        Service::new("127.0.0.1:9304", recommendations::answer),
    ];
    let services = services.into_iter().map(|service| service.takes(EACH_TAKES)).collect();
    services_kit::run("mobile-services", services)
}
