//! What there is to buy, with what the shop pays for it: a gateway stands in front.
//!
//! `GET /products/{id}`

use serde_json::{Value, json};
use services_kit::{Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    let Some(id) = request.uri().path().strip_prefix("/products/") else {
        return reply::status(404);
    };
    match products().into_iter().find(|product| product["id"] == id) {
        Some(product) => reply::json_line(200, &product),
        None => {
            reply::json_line(404, &json!({ "error": format!("no row `{id}` in table products") }))
        }
    }
}

fn products() -> [Value; 2] {
    [
        json!({
            "id": "kettle",
            "name": "Kettle, 1 l",
            "description": "Stainless steel, with a handle that stays cool and a spout that pours \
                            without dripping. For gas, electric and induction stoves.",
            "price": { "amount": "48.50", "currency": "EUR" },
            "category": { "id": "tea-making", "name": "Tea making" },
            "images": [
                { "url": "/images/kettle-1.jpg", "width": 2400, "height": 1800 },
                { "url": "/images/kettle-2.jpg", "width": 2400, "height": 1800 },
                { "url": "/images/kettle-3.jpg", "width": 1800, "height": 2400 },
            ],
            "purchase": { "supplier": "Hagen & Sons", "price": "21.30" },
        }),
        // Nothing goes with it: it is of no category.
        json!({
            "id": "voucher",
            "name": "Gift voucher",
            "description": "For whoever has everything.",
            "price": { "amount": "25.00", "currency": "EUR" },
            "images": [{ "url": "/images/voucher.jpg", "width": 800, "height": 600 }],
        }),
    ]
}
