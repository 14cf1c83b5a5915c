//! What buyers say.
//!
//! `GET /reviews?product={id}`, of any product the same, newest first

use serde_json::json;
use services_kit::{Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    if request.uri().path() != "/reviews" {
        return reply::status(404);
    }
    let review = |stars: u8, author: &str, title: &str, text: &str| {
        let mail = format!("{}@mail.example", author.to_lowercase());
        json!({ "stars": stars, "title": title, "text": text, "author": author, "mail": mail })
    };
    reply::json_line(
        200,
        &json!({
            "average": 4.5,
            "count": 4,
            "items": [
                review(
                    5,
                    "Ann",
                    "Every morning",
                    "Two years of daily use and it still looks new. It boils fast and never drips.",
                ),
                review(4, "Bob", "Good, but heavy", "Filled to the brim it is not for weak wrists."),
                review(5, "Carol", "A gift", "My parents asked where they could get a second one."),
                review(
                    4,
                    "Dave",
                    "As described",
                    "Came well packed within two days. The whistle could be a little louder.",
                ),
            ],
        }),
    )
}
