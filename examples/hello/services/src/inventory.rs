//! Three things in stock. What is posted is answered and forgotten, so that each run is like the
//! first.
//!
//! `GET /items`, `GET /items/{id}`, `POST /items`

use serde_json::{Value, json};
use services_kit::{Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    let id = request.uri().path().strip_prefix("/items").and_then(|rest| match rest {
        "" => Some(None),
        _ => rest.strip_prefix('/').map(Some),
    });
    match (request.method().as_str(), id) {
        ("GET" | "HEAD", Some(None)) => reply::json(200, &json!({ "items": stock() })),
        ("GET" | "HEAD", Some(Some(id))) => one(id),
        ("POST", Some(None)) => create(request.body()),
        (_, Some(_)) => reply::status(405),
        (_, None) => reply::status(404),
    }
}

fn one(id: &str) -> Reply {
    match stock().into_iter().find(|item| item["id"] == id) {
        Some(item) => reply::json(200, &item),
        None => reply::json(404, &json!({ "error": format!("there is no item `{id}`") })),
    }
}

fn create(body: &[u8]) -> Reply {
    match serde_json::from_slice::<Value>(body) {
        Ok(item) => reply::json(201, &json!({ "created": item })),
        Err(error) => reply::json(400, &json!({ "error": format!("no JSON: {error}") })),
    }
}

fn stock() -> Vec<Value> {
    vec![
        json!({ "id": "tea", "name": "Assam tea, 250 g", "left": 12 }),
        json!({ "id": "cup", "name": "Clay cup", "left": 40 }),
        json!({ "id": "kettle", "name": "Kettle, 1 l", "left": 3 }),
    ]
}
