//! The plugin alone, and exchange after exchange of one time and store.

use std::{cell::RefCell, fmt};

use torana_plugin_sdk::{Content, fake::FakeHost, prelude::*, settings};

use crate::Cache;

/// A gateway whose chain has the plugin alone.
pub(super) struct Gateway {
    pub(super) cache: Cache,
    /// The last exchange, which has what is kept and the time.
    pub(super) last: RefCell<FakeHost>,
}

/// What a client gets.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) reply: Reply,
    /// The request as the service got it; none where it was not asked.
    pub(super) asked: Option<FakeHost>,
}

impl Gateway {
    pub(super) fn new(settings: &str) -> Self {
        let cache = Cache::new(settings::parse(settings).unwrap()).unwrap();
        Self { cache, last: RefCell::new(FakeHost::get("/")) }
    }

    /// An exchange that has come to the point where the service is asked, if it is.
    pub(super) fn ask(&self, host: FakeHost) -> Result<FakeHost, Got> {
        let host = host
            .with_stores_of(&self.last.borrow())
            .grant_read("authorization")
            .grant_read("set-cookie");
        self.last.replace(host.clone());
        let action = self.cache.on_request_head(&host).unwrap();
        host.end_hook();
        match action {
            Action::Next => Ok(host),
            Action::Respond(reply) => Err(Got { status: reply.status, reply, asked: None }),
        }
    }

    /// The rest of it.
    pub(super) fn answer(&self, host: FakeHost, reply: Reply) -> Got {
        let between = FakeHost::get("/").with_stores_of(&self.last.borrow());
        let host = host.with_stores_of(&between);
        self.last.replace(host.clone());
        host.set_response(&reply);
        let action = self.cache.on_response_head(&host).unwrap();
        host.end_hook();
        if let Action::Respond(reply) = action {
            return Got { status: reply.status, reply, asked: Some(host) };
        }
        if !reply.body.as_bytes().is_empty() {
            self.pass(&host, reply.body.as_bytes());
        }
        let mut reply = reply;
        let names = host.response().header_names();
        reply.headers = Vec::new();
        for name in names {
            for value in host.answered_header(&name) {
                reply = reply.header(name.clone(), value);
            }
        }
        let status = host.response().status();
        Got { status, reply, asked: Some(host) }
    }

    /// A body in two pieces.
    pub(super) fn pass(&self, host: &FakeHost, body: &[u8]) {
        let Some(mut transform) = self.cache.on_response_stream(host).unwrap() else { return };
        let (first, second) = body.split_at(body.len() / 2);
        for piece in [first, second] {
            assert_eq!(transform.chunk(piece.to_vec()).unwrap(), piece);
        }
        assert_eq!(transform.finish().unwrap(), b"");
        host.end_hook();
    }

    pub(super) fn send(&self, host: FakeHost, reply: Reply) -> Got {
        match self.ask(host) {
            Ok(host) => self.answer(host, reply),
            Err(got) => got,
        }
    }

    pub(super) fn get(&self, path: &str, reply: Reply) -> Got {
        self.send(FakeHost::get(path), reply)
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.last.borrow().advance_millis(seconds * 1000);
    }
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.reply)
    }
}

impl Got {
    pub(super) fn is_hit(&self) -> bool {
        self.asked.is_none()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.reply.headers.iter().find(|header| header.name == name);
        found.map(|header| header.value.as_str())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.reply.body.as_bytes()).unwrap()
    }

    pub(super) fn told(&self) -> &str {
        self.header("cache-status").unwrap_or_default()
    }

    pub(super) fn asked_with(&self, name: &str) -> Vec<String> {
        self.asked.as_ref().expect("it went on").forwarded_header(name)
    }
}

pub(super) fn page(text: &str, headers: &[(&str, &str)]) -> Reply {
    let reply = Reply { status: 200, headers: Vec::new(), body: Content::Text(text.into()) };
    headers.iter().fold(reply, |reply, (name, value)| reply.header(*name, *value))
}

pub(super) fn fresh(text: &str) -> Reply {
    page(text, &[("cache-control", "max-age=60")])
}

pub(super) fn tagged(text: &str) -> Reply {
    page(text, &[("cache-control", "no-cache"), ("etag", "\"a\"")])
}
