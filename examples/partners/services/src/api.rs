//! What the versions have in common: who may do what, and how one is told that something is wrong.

use std::sync::Arc;

use serde_json::{Value, json};
use services_kit::{Reply, Request, reply};

use crate::shipments::{Shipment, Shipments};

/// How a version writes and reads a shipment.
pub(crate) struct Version {
    pub(crate) write: fn(u64, &Shipment) -> Value,
    /// What is missing, where it cannot be read.
    pub(crate) read: fn(&Value) -> Result<Shipment, &'static str>,
}

/// One version of the API.
pub(crate) struct Api {
    shipments: Arc<Shipments>,
    version: Version,
}

impl Api {
    pub(crate) fn new(shipments: Arc<Shipments>, version: Version) -> Self {
        Self { shipments, version }
    }

    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let partner = request.headers().get("x-partner").and_then(|value| value.to_str().ok());
        let Some(partner) = partner else {
            return problem(500, "nobody said who the partner is");
        };
        match (request.method().as_str(), request.uri().path()) {
            ("GET" | "HEAD", "/shipments") => self.list(partner),
            ("POST", "/shipments") => self.book(partner, request.body()),
            (_, "/shipments") => reply::status(405),
            _ => reply::status(404),
        }
    }

    fn list(&self, partner: &str) -> Reply {
        let own = self.shipments.of(partner);
        let own: Vec<_> =
            own.iter().map(|(nr, shipment)| (self.version.write)(*nr, shipment)).collect();
        reply::json_line(200, &json!({ "shipments": { "shipment": own } }))
    }

    fn book(&self, partner: &str, body: &[u8]) -> Reply {
        let asked: Value = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return problem(400, &format!("no JSON: {error}")),
        };
        match (self.version.read)(&asked["shipment"]) {
            Ok(shipment) => {
                let number = self.shipments.book(partner, shipment.clone());
                let booked = (self.version.write)(number, &shipment);
                reply::json_line(201, &json!({ "shipment": booked }))
            }
            Err(missing) => problem(422, &format!("a shipment needs {missing}")),
        }
    }
}

/// RFC 9457.
fn problem(status: u16, detail: &str) -> Reply {
    reply::problem(status, &json!({ "status": status, "detail": detail }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{v1, v2};

    fn told(api: &Api, method: &str, partner: Option<&str>, body: &str) -> u16 {
        let (mut head, body) = Request::new(body.to_owned().into()).into_parts();
        head.method = method.parse().unwrap();
        head.uri = "/shipments".parse().unwrap();
        if let Some(partner) = partner {
            head.headers.insert("x-partner", partner.parse().unwrap());
        }
        api.answer(&Request::from_parts(head, body)).status().as_u16()
    }

    #[test]
    fn a_booking_of_one_version_is_seen_by_the_other() {
        let shipments = Arc::new(Shipments::default());
        let first = Api::new(shipments.clone(), v1::VERSION);
        let body = r#"{"shipment":{"to":"Oslo","kg":12.5}}"#;
        assert_eq!(told(&first, "POST", Some("acme"), body), 201);
        let (number, shipment) = &shipments.of("acme")[0];
        let seen = (v2::VERSION.write)(*number, shipment);
        assert_eq!(seen["to"], json!({ "city": "Oslo" }));
        assert_eq!(seen["parcel"], json!([{ "kg": 12.5 }]));
    }

    #[test]
    fn what_is_no_shipment_is_not_booked() {
        let shipments = Arc::new(Shipments::default());
        let second = Api::new(shipments.clone(), v2::VERSION);
        for (body, status) in [
            ("", 400),
            ("{}", 422),
            (r#"{"shipment":{"to":"Oslo","kg":12.5}}"#, 422),
            (r#"{"shipment":{"to":{"city":"Oslo","country":"NO"}}}"#, 422),
            (r#"{"shipment":{"to":{"city":"Oslo","country":"NO"},"parcel":[]}}"#, 422),
            (r#"{"shipment":{"to":{"city":"Oslo","country":"NO"},"parcel":[{"kg":"4"}]}}"#, 422),
        ] {
            assert_eq!(told(&second, "POST", Some("acme"), body), status, "{body}");
        }
        let body = r#"{"shipment":{"to":{"city":"Oslo","country":"NO"},"parcel":[{"kg":4}]}}"#;
        assert_eq!(told(&second, "POST", None, body), 500);
        assert_eq!(shipments.of("acme"), []);
        assert_eq!(told(&second, "POST", Some("acme"), body), 201);
    }
}
