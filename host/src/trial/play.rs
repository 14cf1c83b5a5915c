//! One exchange, head to tail, as the proxy leads it through a chain.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, StatusCode, Uri, header};
use torana_plugin_sdk::{
    Content, Failure, Reply as SdkReply,
    cases::{Case, End},
};

use super::{
    seen::{Seen, full_name},
    services::{LogLines, headers, sdk_headers},
    setting::UPSTREAM,
};
use crate::{
    body::{
        BodyError,
        coding::{decode, mend_head},
    },
    chain::{Chain, Stop, Why},
    config::OnError,
    filter::Cause,
    heads::ResponseHead,
    message::{Exchange, Reply},
    plugin::{Plugin, PluginFilter},
    telemetry::Telemetry,
};

/// The largest body of a trial, bytes.
const CAP: u64 = 64 << 20;

/// A route with the plugin alone.
pub(super) struct Stage<'a> {
    name: &'a str,
    chain: Chain<PluginFilter>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(name: &'a str, plugin: Arc<Plugin>, on_error: OnError, case: &Case) -> Self {
        let filters = vec![PluginFilter::new(plugin, on_error)];
        let chain = Chain::new(filters, &case.route.name, &Telemetry::new().scope());
        Self { name, chain }
    }

    /// Sends the case's request once. An error says what is wrong with the request.
    pub(super) async fn play(&self, case: &Case) -> Result<(End, Seen), String> {
        let exchange = exchange(self.name, case)?;
        let mut seen = Seen { exchange, ..Seen::nothing("", LogLines::default()) };
        let end = match self.lead(case, &mut seen).await {
            Ok(()) => End::Next,
            Err(end) => end,
        };
        Ok((end, seen))
    }

    async fn lead(&self, case: &Case, seen: &mut Seen) -> Result<(), End> {
        let body = Bytes::from(case.body().unwrap_or_default().to_owned());
        self.chain.request_heads(&mut seen.exchange).await.map_err(end)?;
        let body = self.chain.request_body(&mut seen.exchange, body.into()).await.map_err(end)?;
        let body = body.collect(CAP).await.map_err(broken)?;
        seen.sent_body = body.to_vec();
        if self.chain.wants().handler.is_some() {
            let reply = self.chain.handle(&mut seen.exchange, body.into()).await.map_err(end)?;
            return Err(End::Respond(sdk_reply(&reply)));
        }
        seen.exchange.response = Some(ResponseHead {
            status: StatusCode::from_u16(case.upstream.status).unwrap_or_default(),
            headers: headers(&case.upstream.headers),
            ..ResponseHead::default()
        });
        let body = self.back(case, seen).await?;
        seen.answered_body = decoded(seen, body).await.to_vec();
        Ok(())
    }

    async fn back(&self, case: &Case, seen: &mut Seen) -> Result<Bytes, End> {
        let (exchange, all) = (&mut seen.exchange, self.chain.all());
        let body = Bytes::from(case.upstream.body.clone());
        self.chain.response_heads(exchange, all).await.map_err(end)?;
        if !self.chain.reads_response(all) {
            return Ok(body);
        }
        if case.request.method == "HEAD" || matches!(case.upstream.status, 204 | 304) {
            if let Some(head) = &mut exchange.response {
                mend_head(&mut head.headers);
            }
            return Ok(body);
        }
        let body = self.chain.response_body(exchange, body.into(), all).await.map_err(end)?;
        body.collect(CAP).await.map_err(broken)
    }
}

/// The body as the client reads it.
async fn decoded(seen: &Seen, body: Bytes) -> Bytes {
    let head = seen.exchange.response.as_ref();
    let coding = head.and_then(|head| head.headers.get(header::CONTENT_ENCODING)?.to_str().ok());
    let Some(coding) = coding else { return body };
    decode(body.clone(), &[coding.to_owned()], CAP).await.unwrap_or(body)
}

fn exchange(plugin: &str, case: &Case) -> Result<Box<Exchange>, String> {
    let request = &case.request;
    let mut exchange = Box::new(Exchange::vacant());
    exchange.id = "trial".into();
    exchange.route = case.route.name.as_str().into();
    let address: IpAddr = request.client.parse().map_err(|_| "request.client is no address")?;
    exchange.client.address = address;
    exchange.client.peer = SocketAddr::new(address, 40_000);
    let method = Method::from_bytes(request.method.as_bytes());
    exchange.request.method = method.map_err(|_| "request.method is none")?;
    exchange.request.uri =
        request.path.parse::<Uri>().map_err(|why| format!("request.path: {why}"))?;
    exchange.request.headers = headers(case.fields());
    exchange.authority = case.authority().to_owned();
    // As it comes over HTTP/1.1, which is what this is.
    let host = exchange.authority.parse().map_err(|_| "the request's `host` is none")?;
    exchange.request.headers.insert(header::HOST, host);
    exchange.hop.has_underscores =
        exchange.request.headers.names().any(|name| name.as_str().contains('_'));
    let params = case.params().unwrap_or_default().into_iter();
    exchange.params = params.map(|(name, value)| (name.into(), value)).collect();
    let alternatives = case.route.alternatives.iter().map(String::as_str);
    exchange.upstreams = [UPSTREAM].into_iter().chain(alternatives).map(Arc::from).collect();
    for (name, value) in &case.attributes {
        exchange.attributes.set(full_name(plugin, name), value.clone());
    }
    exchange.deadline = Instant::now() + Duration::from_secs(60);
    Ok(exchange)
}

fn end(stop: Stop) -> End {
    match stop.why {
        Why::Reply(reply) => End::Respond(sdk_reply(&reply)),
        Why::Failed(failure, _) => match failure.cause {
            Cause::Refused { client, log } => End::Fail(Failure { client, log }),
            cause => failed(cause),
        },
        Why::RequestBody(error) | Why::ResponseBody(error, _) => broken(error),
    }
}

fn broken(error: BodyError) -> End {
    match error {
        BodyError::Plugin { why, client, .. } => End::Fail(Failure { client, log: why }),
        error => failed(error),
    }
}

fn failed(why: impl std::fmt::Display) -> End {
    End::Fail(Failure { client: String::new(), log: why.to_string() })
}

fn sdk_reply(reply: &Reply) -> SdkReply {
    SdkReply {
        status: reply.status.as_u16(),
        headers: sdk_headers(&reply.headers),
        body: Content::Bytes(reply.body.to_vec()),
    }
}
