//! Compresses responses while they pass, as the client accepts it.

mod accept;
mod coding;
mod encoder;
mod judge;
mod length;
mod media;
mod settings;

use coding::Coding;
use encoder::Encoder;
use judge::{Head, Worth};
use settings::{Flush, Levels, Settings};
use torana_plugin_sdk::{
    host::{HeaderError, Request, Response},
    http::add_vary,
    prelude::*,
};

struct Compress {
    algorithms: Vec<Coding>,
    level: Levels,
    worth: Worth,
    flush: Flush,
    skip_requests_with: Vec<HeaderName>,
}

#[plugin(schema = "schema.json")]
impl Plugin for Compress {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self {
            algorithms: settings.algorithms,
            level: settings.level,
            worth: Worth { types: settings.types, min_length: settings.min_length.0 },
            flush: settings.flush,
            skip_requests_with: settings.skip_requests_with,
        })
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        for (index, name) in self.skip_requests_with.iter().enumerate() {
            setup.reads_header(name, ["skip_requests_with", &index.to_string()]);
        }
        Ok(())
    }

    /// Responses without a body come here alone: they say of the body that they stand for what it
    /// depends on (RFC 9110, 9.3.2 and 15.4.5). Of all others the last word is spoken when every
    /// head has passed.
    fn on_response_head(&self, host: &impl Host) -> Outcome {
        if host.response().status() == 304 || host.request().method() == "HEAD" {
            let head = read(&host.response())?;
            if self.worth.judge(&head).is_ok() {
                vary_on_encoding(host)?;
            }
        }
        Ok(Action::Next)
    }

    fn on_response_stream(&self, host: &impl Host) -> StreamOutcome {
        let head = read(&host.response())?;
        if let Err(because) = self.worth.judge(&head) {
            host.log().debug(format_args!("not compressed: {because}"));
            return Ok(None);
        }
        // Another request for the same may get it compressed.
        vary_on_encoding(host)?;
        if head.is_encoded() {
            host.log().debug("not compressed: the service has encoded it (Content-Encoding)");
            return Ok(None);
        }
        if let Some(name) = self.skips(&host.request())? {
            host.log().debug(format_args!("not compressed: the request has `{name}`"));
            return Ok(None);
        }
        let accepted = host.request().header_values("accept-encoding").unwrap_or_default();
        let Some(coding) = accept::choose(&accepted, &self.algorithms) else {
            host.log().debug("not compressed: the client accepts none of `algorithms`");
            return Ok(None);
        };
        host.response_edit().set_header("content-encoding", coding.name())?;
        Ok(Some(Box::new(Compression {
            encoder: Some(self.encoder(coding, head.content_length)),
            flush: self.flushes(&head),
        })))
    }
}

impl Compress {
    /// The first of `skip_requests_with` that the request has.
    fn skips(&self, request: &impl Request) -> Result<Option<&HeaderName>, Failure> {
        for name in &self.skip_requests_with {
            match request.header_bytes(name) {
                Ok(None) => {}
                Ok(Some(_)) | Err(Refused { why: HeaderError::Repeated, .. }) => {
                    return Ok(Some(name));
                }
                Err(refused) => return Err(refused.into()),
            }
        }
        Ok(None)
    }

    fn encoder(&self, coding: Coding, length: Option<u64>) -> Encoder {
        match coding {
            Coding::Br => Encoder::brotli(self.level.br, length),
            Coding::Gzip => Encoder::gzip(self.level.gzip),
        }
    }

    fn flushes(&self, head: &Head) -> bool {
        head.has_events()
            || match self.flush {
                Flush::Auto => head.content_length.is_none(),
                Flush::Always => true,
                Flush::Never => false,
            }
    }
}

fn read(response: &impl Response) -> Result<Head, Failure> {
    // What is no text, or stands there twice, names no type and no length.
    let one = |name| response.header(name).ok().flatten();
    // Of a list nothing may be missed: what cannot be read says what is most in the way.
    let all = |name, unreadable: &str| match response.header_values(name) {
        Err(Refused { why: HeaderError::NotText, .. }) => Ok(vec![unreadable.to_owned()]),
        values => values,
    };
    Ok(Head {
        status: response.status(),
        content_type: one("content-type"),
        content_length: one("content-length").and_then(|value| value.parse().ok()),
        content_encoding: all("content-encoding", "unknown")?,
        cache_control: all("cache-control", "no-transform")?,
        has_content_range: !all("content-range", "unknown")?.is_empty(),
    })
}

fn vary_on_encoding(host: &impl Host) -> Result<(), Failure> {
    Ok(add_vary(&host.response(), &host.response_edit(), &["Accept-Encoding"])?)
}

/// One body on its way.
struct Compression {
    /// None after the end.
    encoder: Option<Encoder>,
    flush: bool,
}

impl Transform for Compression {
    fn chunk(&mut self, data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let Some(encoder) = &mut self.encoder else { return Err(ENDED.into()) };
        encoder.encode(&data, self.flush).map_err(|error| Failure::new(error.to_string()))
    }

    fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        let Some(encoder) = self.encoder.take() else { return Err(ENDED.into()) };
        encoder.finish().map_err(|error| Failure::new(error.to_string()))
    }
}

const ENDED: &str = "the body has ended before";

#[cfg(test)]
mod tests;
