//! One question, head to tail: from the request at hand to what the service has decided.

use template::Fault;
use torana_plugin_sdk::{
    host::{HeaderError, Outgoing, Request},
    prelude::*,
};

use crate::{
    header_value::HeaderValue,
    input::Question,
    memory::Memory,
    settings::{Forwarded, Settings, Speak},
    target,
    verdict::{Trouble, Verdict},
};

/// The settings, and what is remembered by them.
pub(crate) struct Asker {
    pub(crate) settings: Settings,
    memory: Memory,
}

/// The headers for what the service is told of the request, as other gateways call them.
pub(crate) const FORWARDED: [(Forwarded, &str); 5] = [
    (Forwarded::Method, "x-forwarded-method"),
    (Forwarded::Proto, "x-forwarded-proto"),
    (Forwarded::Host, "x-forwarded-host"),
    (Forwarded::Uri, "x-forwarded-uri"),
    (Forwarded::For, "x-forwarded-for"),
];

/// Headers that say who somebody is. (Cookies of HTTP/2, where each may have a line of its own, are in one by now.)
pub(crate) const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl Asker {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { memory: Memory::new(&settings), settings }
    }

    /// What the service says of the request at hand: anew, or what it said before.
    pub(crate) fn ask(&self, host: &impl Host) -> Result<Result<Verdict, Trouble>, Fault> {
        let call = self.settings.question(host)?;
        let send = || match host.fetch().send(&call) {
            Ok(answer) => self.settings.judge(answer),
            Err(refused) => Err(Trouble::of_fetch(&refused)),
        };
        match &self.settings.cache {
            None => Ok(send()),
            Some(cache) => {
                let key = self.memory.key(&self.settings, cache, &call, host)?;
                Ok(self.memory.recall(&self.settings, cache, &key, send, host))
            }
        }
    }
}

impl Settings {
    pub(crate) fn question(&self, host: &impl Host) -> Result<Outgoing, Fault> {
        let forwarded = self.forwarded(host)?;
        let call = match self.speak {
            Speak::Http => self.like_the_request(forwarded, host)?,
            Speak::Opa => self.with_input(forwarded, host)?,
        };
        let timeout = u32::try_from(self.timeout.millis).unwrap_or(u32::MAX);
        Ok(self.with_headers(call, host)?.timeout_ms(timeout))
    }

    fn like_the_request(
        &self,
        forwarded: Vec<(&str, Vec<String>)>,
        host: &impl Host,
    ) -> Result<Outgoing, Fault> {
        let request = host.request();
        let method = self.method.clone().unwrap_or_default().of(&request);
        let mut call = Outgoing::new(&method, &self.to, self.target(host)?);
        for (which, name) in FORWARDED {
            if self.tells(which) {
                call = call.header(name, told(which, &request));
            }
        }
        let lines = forwarded
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
        Ok(lines.fold(call, |call, (name, value)| call.header(name, value)))
    }

    fn with_input(
        &self,
        forwarded: Vec<(&str, Vec<String>)>,
        host: &impl Host,
    ) -> Result<Outgoing, Fault> {
        let question = Question::of(forwarded, host)?;
        let body = serde_json::to_string(&question).map_err(Failure::from)?;
        let call = Outgoing::post(&self.to, self.target(host)?, body);
        Ok(call.header("content-type", "application/json").header("accept", "application/json"))
    }

    /// The settings were checked: there is one of the two.
    fn target(&self, host: &impl Host) -> Result<String, Fault> {
        match &self.path {
            Some(template) => target::filled_in(template, host),
            None => target::prefixed(self.prefix.as_deref().unwrap_or_default(), host),
        }
    }

    pub(crate) fn tells(&self, which: Forwarded) -> bool {
        self.speak == Speak::Http
            && self.x_forwarded.as_ref().is_none_or(|told| told.contains(&which))
    }

    fn forwarded(&self, host: &impl Host) -> Result<Vec<(&str, Vec<String>)>, Fault> {
        let mut forwarded = Vec::with_capacity(self.forward.len());
        for name in &self.forward {
            let values = host.request().header_values(name).map_err(Fault::of_header)?;
            // The service might judge the one, and the upstream believe the other.
            if values.len() > 1 && CREDENTIALS.contains(&&**name) {
                return Err(Fault::of_header(Refused::new(&**name, HeaderError::Repeated)));
            }
            if !values.is_empty() {
                forwarded.push((&**name, values));
            }
        }
        Ok(forwarded)
    }

    fn with_headers(&self, mut call: Outgoing, host: &impl Host) -> Result<Outgoing, Fault> {
        for (name, value) in self.headers.iter() {
            call = match value {
                HeaderValue::Secret { prefix, secret } => call.secret_header(name, prefix, secret),
                HeaderValue::Template(template) => match template.header_value(host)? {
                    Some(value) => call.header(&**name, value),
                    None => call,
                },
            };
        }
        Ok(call)
    }
}

fn told(which: Forwarded, request: &impl Request) -> String {
    match which {
        Forwarded::Method => request.method(),
        Forwarded::Proto => request.scheme(),
        Forwarded::Host => request.authority(),
        Forwarded::Uri => target::uri(request),
        Forwarded::For => request.client_address(),
    }
}
