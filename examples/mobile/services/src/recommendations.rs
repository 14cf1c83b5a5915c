//! What goes with things of a category.
//!
//! `GET /for/{category}`

use serde_json::{Value, json};
use services_kit::{Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    match request.uri().path().strip_prefix("/for/") {
        Some("tea-making") => reply::json_line(200, &json!({ "model": "m-7", "items": items() })),
        Some(_) => reply::json_line(200, &json!({ "model": "m-7", "items": [] })),
        None => reply::status(404),
    }
}

fn items() -> [Value; 3] {
    let item = |id: &str, name: &str, price: &str, score: f64| {
        let image = format!("/images/{id}.jpg");
        json!({ "id": id, "name": name, "price": price, "image": image, "score": score })
    };
    [
        item("tea", "Assam tea, 250 g", "9.80", 0.93),
        item("cup", "Clay cup", "14.00", 0.88),
        item("strainer", "Tea strainer", "6.20", 0.71),
    ]
}
