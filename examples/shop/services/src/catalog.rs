//! What there is to buy.
//!
//! `GET /products`, `GET /products/{id}`

use serde_json::{Value, json};
use services_kit::{Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    let Some(rest) = request.uri().path().strip_prefix("/products") else {
        return reply::status(404);
    };
    if request.method() != "GET" && request.method() != "HEAD" {
        return reply::status(405);
    }
    match rest.strip_prefix('/') {
        Some(id) => one(id),
        None if rest.is_empty() => reply::json(200, &json!({ "products": products() })),
        None => reply::status(404),
    }
}

fn one(id: &str) -> Reply {
    match products().into_iter().find(|product| product["id"] == id) {
        Some(product) => reply::json(200, &product),
        None => reply::json(404, &json!({ "error": format!("there is no product `{id}`") })),
    }
}

/// Whether there is such a product.
pub(crate) fn has(id: &str) -> bool {
    products().iter().any(|product| product["id"] == id)
}

fn products() -> [Value; 3] {
    [
        json!({ "id": "tea", "name": "Assam tea, 250 g", "price": "9.80" }),
        json!({ "id": "cup", "name": "Clay cup", "price": "14.00" }),
        json!({ "id": "kettle", "name": "Kettle, 1 l", "price": "48.50" }),
    ]
}
