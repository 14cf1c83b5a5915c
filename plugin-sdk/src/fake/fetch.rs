//! `fetch`: who answers, and when.

use super::{
    FakeHost, State,
    message::{as_field, is_value, sound_headers},
    state::UnderWay,
};
use crate::{
    Header, HeaderName, Refused,
    host::{Fetch, FetchError, Incoming, Outgoing, SecretHeader},
};

pub(super) struct FakeFetch(pub(super) FakeHost);

impl FakeFetch {
    /// The answer, and how long it takes in milliseconds. One that takes longer than the request
    /// allows does not come.
    fn answer(&self, request: &Outgoing) -> (u64, Result<Incoming, FetchError>) {
        let (answer, delay) = {
            let mut state = self.0.call("fetch");
            state.fetched.push(request.clone());
            (state.answer.clone(), state.delay.clone())
        };
        let sent = match outgoing(&self.0.see(), request) {
            Ok(sent) => sent,
            Err(why) => return (0, Err(why)),
        };
        let (answer, delay) = (answer(&sent), delay(&sent));
        match request.timeout_ms.map(u64::from) {
            Some(timeout) if delay > timeout => (timeout, Err(FetchError::Timeout)),
            _ => (delay, answer),
        }
    }
}

impl UnderWay {
    fn order(&self) -> (u64, u32) {
        (self.ends_nanos, self.number)
    }
}

impl Fetch for FakeFetch {
    fn send(&self, request: &Outgoing) -> Result<Incoming, Refused<FetchError>> {
        let (takes, answer) = self.answer(request);
        self.0.advance_millis(takes);
        answer.map_err(|why| Refused::new(&request.to, why))
    }
    fn send_all(&self, requests: &[Outgoing]) -> Vec<Result<Incoming, Refused<FetchError>>> {
        let answers: Vec<_> = requests.iter().map(|request| self.answer(request)).collect();
        self.0.advance_millis(answers.iter().map(|(takes, _)| *takes).max().unwrap_or_default());
        let pairs = requests.iter().zip(answers);
        pairs.map(|(out, (_, answer))| answer.map_err(|why| Refused::new(&out.to, why))).collect()
    }
    fn start(&self, request: &Outgoing) -> u32 {
        let (takes, answer) = self.answer(request);
        let mut state = self.0.call("fetch");
        let number = state.started;
        state.started += 1;
        let ends_nanos = state.monotonic_nanos + takes * 1_000_000;
        state.under_way.push(UnderWay { ends_nanos, number, answer });
        number
    }
    /// The one that ends first; of several, the one that was started first. Waiting takes time on
    /// the fake clock.
    fn wait_any(&self) -> Option<(u32, Result<Incoming, Refused<FetchError>>)> {
        let mut state = self.0.call("fetch");
        let first = state.under_way.iter().map(UnderWay::order).min()?;
        let at = state.under_way.iter().position(|fetch| fetch.order() == first)?;
        let UnderWay { ends_nanos, number, answer } = state.under_way.remove(at);
        let wait = ends_nanos.saturating_sub(state.monotonic_nanos);
        drop(state);
        self.0.advance_millis(wait / 1_000_000);
        Some((number, answer.map_err(|why| Refused::new(format!("call {number}"), why))))
    }
}

/// A request as the host sends it, with the secrets in their headers; or why it does not.
fn outgoing(state: &State, request: &Outgoing) -> Result<Outgoing, FetchError> {
    let method = &request.method;
    // Of the same characters as a header's name.
    if HeaderName::try_from(method.clone()).is_err() {
        return Err(FetchError::Invalid(format!("`{method}` is no method")));
    }
    let mut headers = sound_headers(&request.headers).map_err(FetchError::Invalid)?;
    for secret in &request.secret_headers {
        let field = secret_field(state, secret)?;
        headers.retain(|known| known.name != field.name);
        headers.push(field);
    }
    // The gateways that a request came through are for the host to say, and its trace goes on.
    headers.retain(|field| field.name != "via");
    if let Ok(Some(trace)) = state.request.headers.one(TRACE)
        && headers.iter().all(|field| field.name != TRACE)
    {
        headers.push(as_field(TRACE, &trace));
    }
    Ok(Outgoing { headers, secret_headers: Vec::new(), ..request.clone() })
}

/// W3C Trace Context.
const TRACE: &str = "traceparent";

fn secret_field(state: &State, header: &SecretHeader) -> Result<Header, FetchError> {
    let SecretHeader { name, prefix, secret } = header;
    let denied = || FetchError::Denied(format!("secret `{secret}` is not granted"));
    let value = [prefix.as_bytes(), state.secret_to_use(secret).ok_or_else(denied)?].concat();
    let invalid = |what: &str| FetchError::Invalid(format!("{what} of header `{name}`"));
    let field = HeaderName::try_from(name.clone());
    let field = field.ok().filter(|field| !field.is_reserved() && &**field != "via");
    let field = field.ok_or_else(|| invalid("the name"))?;
    if !is_value(&value) {
        return Err(invalid("the secret cannot be the value"));
    }
    Ok(as_field(&field, &value))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;
    use crate::{Content, host::Host as _};

    /// A host with a secret, and what its services got.
    fn host() -> (FakeHost, Rc<RefCell<Vec<Header>>>) {
        let sent = Rc::new(RefCell::new(Vec::new()));
        let seen = sent.clone();
        let host = FakeHost::get("/").with_secret_to_use("token", b"tok").with_fetch(move |call| {
            assert_eq!(call.secret_headers.len(), 0);
            *seen.borrow_mut() = call.headers.clone();
            Ok(Incoming { status: 200, headers: Vec::new(), body: Content::Empty })
        });
        (host, sent)
    }

    #[test]
    fn a_secret_goes_out_in_its_header() {
        let (host, sent) = host();
        let call = Outgoing::get("a", "/").header("Authorization", "none").header("Host", "x");
        host.fetch().send(&call.secret_header("Authorization", "Bearer ", "token")).unwrap();
        let expected = Header { name: "authorization".into(), value: "Bearer tok".into() };
        assert_eq!(*sent.borrow(), [expected], "in the place of another, and `Host` is the host's");
    }

    #[test]
    fn a_secret_that_is_not_granted_goes_nowhere() {
        let (host, sent) = host();
        let host = host.with_secret_to_reveal("seen", "x");
        for name in ["NOPE", "seen"] {
            let call = Outgoing::get("a", "/").header("x", "y").secret_header("x-key", "", name);
            let refused = host.fetch().send(&call).unwrap_err();
            let why = format!("fetch from `a` is denied: secret `{name}` is not granted");
            assert_eq!(refused.to_string(), why);
        }
        assert!(sent.borrow().is_empty());
    }

    #[test]
    fn what_makes_no_request_is_not_sent() {
        let (host, sent) = host();
        let call = || Outgoing::get("a", "/").header("x-a", "1");
        for (call, why) in [
            (Outgoing::new("G T", "a", "/"), "`G T` is no method"),
            (call().header("x b", "1"), "`x b` is no header name"),
            (
                call().header("X-B", "1\n"),
                "the value of `x-b` has characters that no header may have",
            ),
            (call().secret_header("x b", "", "token"), "the name of header `x b`"),
            (
                call().secret_header("x-b", "\n", "token"),
                "the secret cannot be the value of header `x-b`",
            ),
        ] {
            let refused = host.fetch().send(&call).unwrap_err();
            assert_eq!(refused.why, FetchError::Invalid(why.into()));
        }
        assert!(sent.borrow().is_empty());
    }

    #[test]
    fn a_trace_goes_on_and_the_way_is_for_the_host_to_say() {
        let (host, sent) = host();
        let host = host.with_header("traceparent", "00-1");
        host.fetch().send(&Outgoing::get("a", "/").header("via", "1.1 me")).unwrap();
        let expected = Header { name: "traceparent".into(), value: "00-1".into() };
        assert_eq!(*sent.borrow(), [expected]);
    }

    #[test]
    fn what_is_under_way_ends_with_its_hook() {
        let (host, _) = host();
        assert_eq!(host.fetch().start(&Outgoing::get("a", "/")), 0);
        host.end_hook();
        assert!(host.fetch().wait_any().is_none());
        assert_eq!(host.fetch().start(&Outgoing::get("a", "/")), 0);
    }
}
