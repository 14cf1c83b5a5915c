//! How many of a product there are, and where.
//!
//! `GET /stock/{id}`

use serde_json::json;
use services_kit::{Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    match request.uri().path() {
        "/stock/kettle" => reply::json_line(
            200,
            &json!({
                "available": 14,
                "warehouses": [
                    { "name": "Bremen", "count": 11, "shelf": "B-14" },
                    { "name": "Rotterdam", "count": 3, "shelf": "07-2" },
                ],
            }),
        ),
        "/stock/voucher" => reply::json_line(200, &json!({ "available": 1000, "warehouses": [] })),
        _ => reply::status(404),
    }
}
