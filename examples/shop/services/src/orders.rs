//! Who ordered what. It believes the headers `x-user` and `x-roles`: a gateway stands in front.
//!
//! `GET /orders`, one's own; `POST /orders` with `{"product": "tea"}`; `GET /admin/orders`, all

use std::sync::Mutex;

use serde_json::{Value, json};
use services_kit::{Reply, Request, reply};

use crate::catalog;

/// So many are kept: a demo may run for long.
const KEPT: usize = 1000;

/// The orders since the start, oldest first.
#[derive(Default)]
pub(crate) struct Orders(Mutex<Vec<Order>>);

struct Order {
    user: String,
    product: String,
}

impl Orders {
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let Some(user) = header(request, "x-user") else {
            return reply::json(500, &json!({ "error": "nobody said who the user is" }));
        };
        match (request.method().as_str(), request.uri().path()) {
            ("GET" | "HEAD", "/orders") => self.of(user, header(request, "x-roles")),
            ("POST", "/orders") => self.place(user, request.body()),
            ("GET" | "HEAD", "/admin/orders") => self.all(user),
            (_, "/orders" | "/admin/orders") => reply::status(405),
            _ => reply::status(404),
        }
    }

    fn of(&self, user: &str, roles: Option<&str>) -> Reply {
        let orders = self.0.lock().expect("no answer panics");
        let own = orders.iter().filter(|order| order.user == user).map(|order| &order.product);
        let own: Vec<_> = own.collect();
        reply::json(200, &json!({ "user": user, "roles": roles, "orders": own }))
    }

    fn all(&self, user: &str) -> Reply {
        let orders = self.0.lock().expect("no answer panics");
        let shown = |order: &Order| format!("{}: {}", order.user, order.product);
        let all: Vec<_> = orders.iter().map(shown).collect();
        reply::json(200, &json!({ "user": user, "orders": all }))
    }

    fn place(&self, user: &str, body: &[u8]) -> Reply {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(product) = asked["product"].as_str().filter(|id| catalog::has(id)) else {
            let error = "say what to order, such as {\"product\":\"tea\"}";
            return reply::json(400, &json!({ "error": error }));
        };
        let mut orders = self.0.lock().expect("no answer panics");
        if orders.len() == KEPT {
            orders.remove(0);
        }
        orders.push(Order { user: user.into(), product: product.into() });
        let nr = orders.iter().filter(|order| order.user == user).count();
        reply::json_line(201, &json!({ "nr": nr, "user": user, "product": product }))
    }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(orders: &Orders, method: &str, path: &str, user: Option<&str>, body: &str) -> u16 {
        let request = services_kit::Request::new(body.to_owned().into());
        let (mut head, body) = request.into_parts();
        head.method = method.parse().unwrap();
        head.uri = path.parse().unwrap();
        if let Some(user) = user {
            head.headers.insert("x-user", user.parse().unwrap());
        }
        orders.answer(&Request::from_parts(head, body)).status().as_u16()
    }

    #[test]
    fn an_order_is_its_users() {
        let orders = Orders::default();
        assert_eq!(status(&orders, "POST", "/orders", Some("ann"), r#"{"product":"tea"}"#), 201);
        assert_eq!(status(&orders, "GET", "/orders", Some("ann"), ""), 200);
        let kept = orders.0.lock().unwrap();
        assert_eq!((kept[0].user.as_str(), kept[0].product.as_str()), ("ann", "tea"));
        assert_eq!(kept.len(), 1);
    }

    #[test]
    fn what_cannot_be_ordered_is_not_kept() {
        let orders = Orders::default();
        for body in ["", "{}", r#"{"product":1}"#, r#"{"product":"gold"}"#, "tea"] {
            assert_eq!(status(&orders, "POST", "/orders", Some("ann"), body), 400, "{body}");
        }
        assert_eq!(status(&orders, "POST", "/orders", None, r#"{"product":"tea"}"#), 500);
        assert!(orders.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_thousand_are_kept() {
        let orders = Orders::default();
        for _ in 0..=KEPT {
            status(&orders, "POST", "/orders", Some("ann"), r#"{"product":"tea"}"#);
        }
        assert_eq!(orders.0.lock().unwrap().len(), KEPT);
    }
}
