//! The one template syntax of Torana's plugins.
//!
//! A template is text with names in braces: `Bearer {attributes.token}`, `/users/{params.id}`.
//!
//! | name | is |
//! | --- | --- |
//! | `attributes.NAME` | an attribute that a plugin before this one set |
//! | `claims.NAME` | a claim of the verified token (attribute `auth.claims`); `claims.a.b` goes deeper, and names with dots are found as well |
//! | `client.address` | the client's IP address |
//! | `params.NAME` | a parameter of the route's path, decoded |
//! | `request.authority` | host and port as the client named them |
//! | `request.header.NAME` | a request header; hidden ones need `headers = { read = [...] }` |
//! | `request.host` | the same without the port |
//! | `request.id` | the request id |
//! | `request.method` | `GET`, `POST`, ... |
//! | `request.path` | the path as received, percent-encoded |
//! | `request.query` | the query as received, without the question mark |
//! | `request.query.NAME` | one parameter of the query, decoded |
//! | `request.scheme` | `http` or `https` |
//! | `route` | the route's name |
//!
//! `{{` and `}}` stand for braces. `{params.id:-none}` is `none` where there is no such value. A
//! template with an absent value and no default gives no text at all: what that means (no header,
//! a refusal) is the plugin's to say. A value that the client repeats or garbles is a [`Fault`] of
//! the client, which gets 400.
//!
//! In settings, a field of type [`Template`] is all there is to write: it is checked when the
//! settings are read. A plugin that has values of its own has a type for their names that is
//! [`Named`], and a field of type `Template<OwnName>`.

mod announce;
mod exchange;
mod fault;
mod parse;
mod settings;

pub use fault::Fault;
pub use parse::{Name, Named, ParseError, Piece, Template};
