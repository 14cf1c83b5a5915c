//! The calls of a part: one, or one for each element of an array.

use torana_plugin_sdk::{host::Outgoing, prelude::*};

use crate::{
    call::Caller,
    fault::Fault,
    fields::Each,
    json,
    values::{Results, Trouble},
};

/// The most elements that calls are made for. They may share calls, so `max` alone is no bound.
const MAX_ELEMENTS: usize = 1_000;

/// The calls of a part, before they are made.
#[derive(Default)]
pub(crate) struct Calls {
    /// Each call, or why there can be none.
    pub(crate) calls: Vec<Result<Outgoing, Fault>>,
    /// With `each`: which of the calls is for each element.
    pub(crate) elements: Vec<usize>,
    /// The bytes of their bodies.
    bytes: usize,
}

impl Calls {
    /// The calls of a part. `max_bytes` is what their bodies may have together.
    pub(crate) fn of<'a, H: Host, R: Results>(
        caller: &Caller<'a, H, R>,
        max_bytes: usize,
    ) -> Result<Self, Trouble> {
        let mut calls = Self::default();
        match &caller.part.each {
            None => {
                calls.add(caller.call(None)?, max_bytes)?;
            }
            Some(each) => calls.for_each(each, caller, max_bytes)?,
        }
        Ok(calls)
    }

    fn for_each<'a, H: Host, R: Results>(
        &mut self,
        each: &'a Each,
        caller: &Caller<'a, H, R>,
        max_bytes: usize,
    ) -> Result<(), Trouble> {
        let Some(array) = caller.values.array(each)? else { return Ok(()) };
        let items = json::elements(&array).ok_or_else(|| Fault::NotAnArray(each.source.clone()))?;
        if items.len() > MAX_ELEMENTS {
            return Err(Fault::TooManyElements(MAX_ELEMENTS).into());
        }
        for item in items {
            let call = match caller.call(Some(item)) {
                Ok(call) => self.add(call, max_bytes)?,
                Err(Trouble::Fault(fault)) => self.push(Err(fault)),
                Err(failure) => return Err(failure),
            };
            self.elements.push(call);
            let (calls, max) = (self.calls.iter().filter(|call| call.is_ok()), caller.part.calls());
            if calls.count() > max as usize {
                return Err(Fault::TooManyCalls(max).into());
            }
        }
        Ok(())
    }

    /// Elements that ask the same share one call: an order with a product on ten lines asks for it
    /// once.
    fn add(&mut self, call: Outgoing, max_bytes: usize) -> Result<usize, Fault> {
        let is_same = |known: &Result<Outgoing, Fault>| {
            known.as_ref().is_ok_and(|known| is_same_question(known, &call))
        };
        if let Some(known) = self.calls.iter().position(is_same) {
            return Ok(known);
        }
        self.bytes = self.bytes.saturating_add(call.body.as_bytes().len());
        if self.bytes > max_bytes {
            return Err(Fault::TooLarge);
        }
        Ok(self.push(Ok(call)))
    }

    fn push(&mut self, call: Result<Outgoing, Fault>) -> usize {
        self.calls.push(call);
        self.calls.len() - 1
    }
}

/// Whether one answer does for both. Only a GET may be left out: it changes nothing.
fn is_same_question(a: &Outgoing, b: &Outgoing) -> bool {
    let headers = || {
        let pairs = a.headers.iter().zip(&b.headers);
        a.headers.len() == b.headers.len()
            && pairs.into_iter().all(|(a, b)| a.name == b.name && a.value == b.value)
    };
    let has_no_body = |call: &Outgoing| call.body.as_bytes().is_empty();
    a.method == "GET"
        && b.method == "GET"
        && a.path == b.path
        && has_no_body(a)
        && has_no_body(b)
        && headers()
}
