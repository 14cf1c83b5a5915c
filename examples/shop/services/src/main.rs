//! A shop's services, each on a port of its own, and the identity provider that knows its users.

mod catalog;
mod identity;
mod orders;

use std::process::ExitCode;

use services_kit::Service;

use crate::{identity::Identity, orders::Orders};

fn main() -> ExitCode {
    let (orders, identity) = (Orders::default(), Identity::new());
    services_kit::run(
        "shop-services",
        vec![
            Service::new("127.0.0.1:9201", catalog::answer),
            Service::new("127.0.0.1:9202", move |request| orders.answer(request)),
            Service::new("127.0.0.1:9203", move |request| identity.answer(request)),
        ],
    )
}
