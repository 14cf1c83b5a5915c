//! A forwarder's shipments, in two versions of one API. Both speak JSON and nothing else, and believe
//! the header `x-partner`: a gateway stands in front.
//!
//! `POST /shipments` books one, `GET /shipments` has all of the partner's own.

mod api;
mod shipments;
mod v1;
mod v2;

use std::{process::ExitCode, sync::Arc};

use services_kit::Service;

use crate::{api::Api, shipments::Shipments};

fn main() -> ExitCode {
    let shipments = Arc::new(Shipments::default());
    let first = Api::new(shipments.clone(), v1::VERSION);
    let second = Api::new(shipments, v2::VERSION);
    services_kit::run(
        "partners-services",
        vec![
            Service::new("127.0.0.1:9401", move |request| first.answer(request)),
            Service::new("127.0.0.1:9402", move |request| second.answer(request)),
        ],
    )
}
