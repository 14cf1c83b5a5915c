//! What other services answer in a case.

use std::cell::RefCell;

use super::{
    expect,
    format::{Answer, Case, FetchCase, FetchFailure, Values},
    is_same,
};
use crate::{
    Content, Header, Reply,
    host::{FetchError, Incoming, Outgoing},
};

/// The other services of a case.
pub(super) struct Services {
    granted: Vec<String>,
    cases: Vec<FetchCase>,
    asked: RefCell<Vec<bool>>,
    mistakes: RefCell<Vec<String>>,
}

impl Services {
    pub(super) fn new(case: &Case) -> Self {
        Self {
            granted: case.grants.fetch.clone(),
            cases: case.fetch.clone(),
            asked: RefCell::new(vec![false; case.fetch.len()]),
            mistakes: RefCell::default(),
        }
    }

    /// How long a call takes, in milliseconds.
    pub(super) fn delay(&self, call: &Outgoing) -> u64 {
        self.find(call).map_or(0, |index| self.cases[index].delay_ms)
    }

    fn find(&self, call: &Outgoing) -> Option<usize> {
        self.cases.iter().position(|FetchCase { request, .. }| {
            is_same(&request.to, &call.to)
                && request.method == call.method
                && request.path == call.path
        })
    }

    pub(super) fn answer(&self, call: &Outgoing) -> Result<Incoming, FetchError> {
        let to = &call.to;
        if !self.granted.iter().any(|granted| is_same(granted, to)) {
            let why = format!("`{to}` is not among the plugin's grants: add it to `fetch`");
            return Err(FetchError::Denied(why));
        }
        let Some(index) = self.find(call) else {
            let text = format!("no [[fetch]] for {} {} {}", call.method, call.to, call.path);
            self.mistakes.borrow_mut().push(text.clone());
            return Err(FetchError::Unreachable(text));
        };
        self.asked.borrow_mut()[index] = true;
        let case = &self.cases[index];
        self.mistakes.borrow_mut().extend(expect::call(&case.request, call));
        case.error.map_or_else(|| Ok(case.reply.incoming()), |error| Err(error.into()))
    }

    /// What was asked and is not in the case, what was asked wrongly, and what nobody asked.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let unasked = self.cases.iter().zip(&*asked).filter(|(_, asked)| !**asked);
        let unasked = unasked.map(|(FetchCase { request, .. }, _)| {
            format!("nobody fetched {} {} {}", request.method, request.to, request.path)
        });
        self.mistakes.borrow().iter().cloned().chain(unasked).collect()
    }
}

impl From<FetchFailure> for FetchError {
    fn from(failure: FetchFailure) -> Self {
        match failure {
            FetchFailure::Timeout => Self::Timeout,
            FetchFailure::Unreachable => Self::Unreachable("connection refused".into()),
            FetchFailure::Protocol => Self::Protocol("connection closed".into()),
            FetchFailure::TooLarge => Self::TooLarge,
        }
    }
}

impl Answer {
    pub(super) fn reply(&self) -> Reply {
        Reply { status: self.status, headers: self.headers(), body: self.content() }
    }

    fn incoming(&self) -> Incoming {
        Incoming { status: self.status, headers: self.headers(), body: self.content() }
    }

    fn content(&self) -> Content {
        if self.body.is_empty() { Content::Empty } else { self.body.as_str().into() }
    }

    fn headers(&self) -> Vec<Header> {
        let lines = |(name, values): (&String, &Values)| {
            let values = values.as_slice().iter();
            values.map(|value| Header { name: name.clone(), value: value.clone() }).collect()
        };
        self.headers.iter().flat_map::<Vec<_>, _>(lines).collect()
    }
}
