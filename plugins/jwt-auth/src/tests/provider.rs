//! An identity provider that can change its keys or go down.

use std::{cell::RefCell, rc::Rc};

use serde_json::{Value, json};
use torana_plugin_sdk::{
    Content,
    fake::FakeHost,
    host::{FetchError, Incoming},
};

/// What it answers, and how often it was asked.
#[derive(Clone, Default)]
pub(super) struct Provider(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// None: it is down.
    answer: Option<(u16, String)>,
    asked: usize,
}

/// Where its keys are, as settings.
pub(super) fn settings() -> Value {
    json!({ "jwks": "https://idp.example/jwks" })
}

impl Provider {
    pub(super) fn with_keys(keys: &[Value]) -> Self {
        let provider = Self::default();
        provider.publish(keys);
        provider
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.answer(200, &json!({ "keys": keys }).to_string());
    }

    pub(super) fn answer(&self, status: u16, body: &str) {
        self.0.borrow_mut().answer = Some((status, body.into()));
    }

    pub(super) fn go_down(&self) {
        self.0.borrow_mut().answer = None;
    }

    pub(super) fn asked(&self) -> usize {
        self.0.borrow().asked
    }

    /// A host that reaches it.
    pub(super) fn behind(&self, host: FakeHost) -> FakeHost {
        let provider = self.clone();
        host.with_fetch(move |call| {
            assert_eq!((call.to.as_str(), call.path.as_str()), ("https://idp.example", "/jwks"));
            let mut state = provider.0.borrow_mut();
            state.asked += 1;
            let (status, body) = state.answer.clone().ok_or(FetchError::Timeout)?;
            Ok(Incoming { status, headers: Vec::new(), body: Content::Text(body) })
        })
    }
}
