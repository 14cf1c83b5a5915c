//! `fetch`: calls to other services, within the grants and the budget.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use http::{HeaderName, HeaderValue, Method, header};

use super::{content, header_map, headers::is_reserved};
use crate::{
    config::FetchGrant,
    dispatch::{self, Destination, DispatchError},
    fields::Fields,
    plugin::{
        bindings::{
            fetch::{FetchError, Host, Incoming, Outgoing},
            types::{Content, Header},
        },
        state::State,
    },
    traces::{Calls, TRACEPARENT},
};

type Answer = Result<Incoming, FetchError>;

/// The fetches of one hook call. Dropping it cancels what is under way.
#[derive(Default)]
pub(in crate::plugin) struct Fetches {
    made: u32,
    started: u32,
    under_way: FuturesUnordered<BoxFuture<'static, (u32, Answer)>>,
}

impl Fetches {
    /// Back to how a hook call begins.
    pub(in crate::plugin) fn clear(&mut self) {
        // Nearly every call of nearly every plugin makes none.
        if self.made > 0 {
            *self = Self::default();
        }
    }

    /// Gives up what is under way; what was made stays counted.
    pub(in crate::plugin) fn cancel(&mut self) {
        if !self.under_way.is_empty() {
            self.under_way.clear();
        }
    }
}

impl Host for State {
    async fn send(&mut self, request: Outgoing) -> wasmtime::Result<Answer> {
        self.outside_configure("fetch.send")?;
        Ok(self.begin_fetch(request).await)
    }

    async fn send_all(&mut self, requests: Vec<Outgoing>) -> wasmtime::Result<Vec<Answer>> {
        self.outside_configure("fetch.send-all")?;
        let fetches: Vec<_> = requests.into_iter().map(|r| self.begin_fetch(r)).collect();
        Ok(join_all(fetches).await)
    }

    fn start(&mut self, request: Outgoing) -> wasmtime::Result<u32> {
        self.outside_configure("fetch.start")?;
        let number = self.fetches.started;
        self.fetches.started += 1;
        let fetch = self.begin_fetch(request);
        self.fetches.under_way.push(Box::pin(async move { (number, fetch.await) }));
        Ok(number)
    }

    async fn wait_any(&mut self) -> wasmtime::Result<Option<(u32, Answer)>> {
        self.outside_configure("fetch.wait-any")?;
        Ok(self.fetches.under_way.next().await)
    }
}

impl State {
    /// Everything that can be refused is refused here; what comes back only has to be awaited.
    fn begin_fetch(&mut self, request: Outgoing) -> BoxFuture<'static, Answer> {
        let text = request.text;
        match self.outgoing(request) {
            Ok(outgoing) => {
                let sent = self.context.dispatch.send(outgoing);
                Box::pin(async move { incoming(sent.await.map_err(fetch_error)?, text) })
            }
            Err(error) => {
                if matches!(error, FetchError::Denied(_)) {
                    self.context.telemetry.incident(&self.context.name, "denied fetch");
                }
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }

    fn outgoing(&mut self, request: Outgoing) -> Result<dispatch::Outgoing, FetchError> {
        self.fetches.made += 1;
        let limits = &self.context.limits;
        if self.fetches.made > limits.fetches {
            let why = format!("more than {} calls in one hook (limits.fetches)", limits.fetches);
            return Err(FetchError::Denied(why));
        }
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| FetchError::Invalid(format!("`{}` is no method", request.method)))?;
        let mut headers = header_map(request.headers).map_err(FetchError::Invalid)?;
        for secret in request.secret_headers {
            let (name, value) = self.secret_header(&secret.name, &secret.prefix, &secret.secret)?;
            headers.insert(name, value);
        }
        self.add_origin(&mut headers);
        let calls = self.add_trace(&mut headers);
        Ok(dispatch::Outgoing {
            to: destination(&request.to, &self.context.grants.fetch)?,
            method,
            path: request.path,
            headers,
            body: content(request.body),
            timeout: request
                .timeout_ms
                .map_or(limits.wall, |ms| Duration::from_millis(ms.into()).min(limits.wall)),
            max_body: limits.body,
            calls,
        })
    }

    /// A plugin's call is part of the exchange: it carries the gateways that it came
    /// through, this one included (RFC 9110, 7.6.3). So a call that leads back here is seen to be a
    /// loop, whatever the plugin says.
    fn add_origin(&self, headers: &mut Fields) {
        let received = &self.exchange.request.headers;
        headers.remove(header::VIA);
        let mut passes = 0;
        for via in received.get_all(header::VIA) {
            let hops = via.to_str().unwrap_or_default().split(',');
            passes += hops.filter(|hop| hop.trim().ends_with(&*self.context.via)).count();
            headers.append(header::VIA, via.clone());
        }
        if let Ok(ours) = HeaderValue::from_str(&format!("1.1 {}", self.context.via)) {
            // What was taken off is there again.
            for _ in passes.min(self.exchange.hop.passes)..=self.exchange.hop.passes {
                headers.append(header::VIA, ours.clone());
            }
        }
    }

    /// The exchange's trace, unless the plugin has said another one. Where it is sampled, each attempt says its own
    /// span in the place of the exchange's.
    fn add_trace(&self, headers: &mut Fields) -> Option<Arc<Calls>> {
        let received = self.exchange.request.headers.get(TRACEPARENT);
        if headers.get(TRACEPARENT).is_some_and(|said| Some(said) != received) {
            return None;
        }
        if let Some(received) = received {
            headers.insert(TRACEPARENT, received.clone());
        }
        self.exchange.trace.as_ref().map(|trace| trace.calls())
    }

    fn secret_header(
        &self,
        name: &str,
        prefix: &str,
        secret: &str,
    ) -> Result<(HeaderName, HeaderValue), FetchError> {
        let denied = || FetchError::Denied(format!("secret `{secret}` is not granted"));
        let value = self.secret(secret).ok_or_else(denied)?;
        let invalid = |what: &str| FetchError::Invalid(format!("{what} of header `{name}`"));
        let name = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .filter(|name| !is_reserved(name) && *name != header::VIA)
            .ok_or_else(|| invalid("the name"))?;
        let mut value = HeaderValue::from_bytes(&[prefix.as_bytes(), &value].concat())
            .map_err(|_| invalid("the secret cannot be the value"))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// Whether a plugin with these grants may call `to`.
pub(in crate::plugin) fn is_granted(to: &str, grants: &[FetchGrant]) -> bool {
    destination(to, grants).is_ok()
}

/// The grant that covers `to`.
fn destination(to: &str, grants: &[FetchGrant]) -> Result<Destination, FetchError> {
    let denied = || {
        FetchError::Denied(format!("`{to}` is not among the plugin's grants: add it to `fetch`"))
    };
    if !to.contains("://") {
        let granted = |grant: &&FetchGrant| matches!(grant, FetchGrant::Upstream(n) if **n == *to);
        let name = grants.iter().find(granted).and(Some(Arc::from(to))).ok_or_else(denied)?;
        return Ok(Destination::Upstream(name));
    }
    grants.iter().find_map(|grant| origin(to, grant)).ok_or_else(denied)
}

fn origin(to: &str, grant: &FetchGrant) -> Option<Destination> {
    let FetchGrant::Origin { https, host, port, address } = grant else { return None };
    let uri: http::Uri = to.parse().ok()?;
    let named = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let same = uri.scheme_str()? == if *https { "https" } else { "http" }
        && named == *host
        && uri.port_u16().unwrap_or(if *https { 443 } else { 80 }) == *port
        && !uri.authority()?.as_str().contains('@')
        && matches!(uri.path(), "" | "/");
    same.then(|| Destination::Origin {
        https: *https,
        host: host.clone(),
        port: *port,
        address: *address,
    })
}

fn incoming(reply: dispatch::Incoming, text: bool) -> Answer {
    let headers = reply.headers.iter().map(|(name, value)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    let body = match (reply.body.is_empty(), text) {
        (true, _) => Content::Empty,
        (false, false) => Content::Bytes(reply.body.into()),
        (false, true) => {
            let text = String::from_utf8(reply.body.into()).map_err(|_| FetchError::NotText)?;
            Content::Text(text)
        }
    };
    Ok(Incoming { status: reply.status.as_u16(), headers: headers.collect(), body })
}

fn fetch_error(error: DispatchError) -> FetchError {
    match error {
        DispatchError::Denied(why) => FetchError::Denied(why),
        DispatchError::Invalid(why) => FetchError::Invalid(why),
        DispatchError::Timeout => FetchError::Timeout,
        DispatchError::Unreachable(why) => FetchError::Unreachable(why),
        DispatchError::Protocol(why) => FetchError::Protocol(why),
        DispatchError::TooLarge => FetchError::TooLarge,
    }
}
