//! What came of an exchange, for the case to be held against.

use http::StatusCode;
use torana_plugin_sdk::cases::Witness;

use super::services::LogLines;
use crate::{fields::Fields, message::Exchange};

/// An exchange after its last hook, and its bodies.
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) exchange: Box<Exchange>,
    pub(super) sent_body: Vec<u8>,
    pub(super) answered_body: Vec<u8>,
    pub(super) log: LogLines,
}

impl Seen {
    /// The plugin was never called.
    pub(super) fn nothing(name: &str, log: LogLines) -> Self {
        let exchange = Box::new(Exchange::vacant());
        let (sent_body, answered_body) = (Vec::new(), Vec::new());
        Self { name: name.to_owned(), exchange, sent_body, answered_body, log }
    }
}

impl Witness for Seen {
    fn target(&self) -> String {
        let query = self.exchange.query().map(|query| format!("?{query}"));
        format!("{}{}", self.exchange.path(), query.unwrap_or_default())
    }

    fn upstream(&self) -> Option<String> {
        let at = self.exchange.upstream.unwrap_or(0);
        self.exchange.upstreams.get(at).map(|name| name.to_string())
    }

    fn sent(&self, name: &str) -> Vec<String> {
        values(&self.exchange.request.headers, name)
    }

    fn sent_body(&self) -> Vec<u8> {
        self.sent_body.clone()
    }

    fn status(&self) -> u16 {
        let status = self.exchange.response.as_ref().map(|head| head.status);
        status.map_or(0, |status: StatusCode| status.as_u16())
    }

    fn answered(&self, name: &str) -> Vec<String> {
        let head = self.exchange.response.as_ref();
        head.map(|head| values(&head.headers, name)).unwrap_or_default()
    }

    fn answered_body(&self) -> Vec<u8> {
        self.answered_body.clone()
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.exchange.attributes.get(&full_name(&self.name, name)).map(str::to_owned)
    }

    fn log(&self) -> Vec<String> {
        self.log.all()
    }

    fn elapsed_millis(&self) -> Option<u64> {
        None
    }
}

/// An attribute's name as all others know it: one without a dot is the plugin's own.
pub(super) fn full_name(plugin: &str, name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{plugin}.{name}") }
}

fn values(headers: &Fields, name: &str) -> Vec<String> {
    let lossy = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.get_all(name).map(lossy).collect()
}
