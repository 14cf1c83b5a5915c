//! `request-body`, `response-body`, and writing them.

use bytes::BytesMut;
use http_body_util::BodyExt as _;

use crate::{
    body::BodyError as Broken,
    filter::Hook,
    message::BodySlot,
    plugin::{
        bindings::{
            request_body, request_body_edit, response_body, response_body_edit, types::BodyError,
        },
        state::{Phase, State},
    },
};

impl request_body::Host for State {
    async fn length(&mut self) -> wasmtime::Result<Result<u64, BodyError>> {
        self.exchange("request-body.length")?;
        Ok(self.arrived(u64::MAX).await.map(|()| self.exchange.request_body.bytes().len() as u64))
    }

    async fn read(
        &mut self,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, BodyError>> {
        self.exchange("request-body.read")?;
        let end = offset.saturating_add(length.into());
        Ok(self.arrived(end).await.map(|()| range(self.exchange.request_body.bytes(), offset, end)))
    }

    async fn text(&mut self) -> wasmtime::Result<Result<String, BodyError>> {
        self.exchange("request-body.text")?;
        Ok(match self.arrived(u64::MAX).await {
            Ok(()) => text(self.exchange.request_body.bytes()),
            Err(error) => Err(error),
        })
    }
}

impl response_body::Host for State {
    fn length(&mut self) -> wasmtime::Result<Result<u64, BodyError>> {
        Ok(self.response_body("response-body.length")?.map(|bytes| bytes.len() as u64))
    }

    fn read(&mut self, offset: u64, length: u32) -> wasmtime::Result<Result<Vec<u8>, BodyError>> {
        let end = offset.saturating_add(length.into());
        Ok(self.response_body("response-body.read")?.map(|bytes| range(bytes, offset, end)))
    }

    fn text(&mut self) -> wasmtime::Result<Result<String, BodyError>> {
        Ok(self.response_body("response-body.text")?.and_then(text))
    }
}

impl request_body_edit::Host for State {
    fn write(&mut self, data: Vec<u8>) -> wasmtime::Result<Result<(), BodyError>> {
        self.write_body(Hook::RequestBody, "request-body-edit.write", &data)
    }

    fn write_text(&mut self, data: String) -> wasmtime::Result<Result<(), BodyError>> {
        self.write_body(Hook::RequestBody, "request-body-edit.write-text", data.as_bytes())
    }

    fn clear(&mut self) -> wasmtime::Result<Result<(), BodyError>> {
        self.clear_body(Hook::RequestBody, "request-body-edit.clear")
    }
}

impl response_body_edit::Host for State {
    fn write(&mut self, data: Vec<u8>) -> wasmtime::Result<Result<(), BodyError>> {
        self.write_body(Hook::ResponseBody, "response-body-edit.write", &data)
    }

    fn write_text(&mut self, data: String) -> wasmtime::Result<Result<(), BodyError>> {
        self.write_body(Hook::ResponseBody, "response-body-edit.write-text", data.as_bytes())
    }

    fn clear(&mut self) -> wasmtime::Result<Result<(), BodyError>> {
        self.clear_body(Hook::ResponseBody, "response-body-edit.clear")
    }
}

impl State {
    fn response_body(&mut self, call: &str) -> wasmtime::Result<Result<&[u8], BodyError>> {
        Ok(match &self.exchange(call)?.response_body {
            BodySlot::Whole { bytes, .. } => Ok(bytes),
            _ => Err(BodyError::Unavailable),
        })
    }

    /// Waits until the request body has arrived up to `end`, or has ended.
    async fn arrived(&mut self, end: u64) -> Result<(), BodyError> {
        let cap = self.context.limits.body;
        match &mut self.exchange.request_body {
            BodySlot::Closed => Err(BodyError::Unavailable),
            BodySlot::Whole { .. } => Ok(()),
            BodySlot::OnDemand { rest, read, broken } => {
                while (read.len() as u64) < end
                    && let Some(body) = rest
                {
                    match body.frame().await {
                        Some(Ok(frame)) => {
                            let data = frame.into_data().unwrap_or_default();
                            if (read.len() + data.len()) as u64 > cap {
                                (*rest, *broken) = (None, Some(Box::new(Broken::TooLarge(cap))));
                            } else {
                                read.extend_from_slice(&data);
                            }
                        }
                        Some(Err(why)) => (*rest, *broken) = (None, Some(Box::new(why))),
                        None => *rest = None,
                    }
                }
                // Every time, and not only when it happens: what has come is not all there is.
                match broken.as_deref() {
                    Some(Broken::TooLarge(_)) => Err(BodyError::TooLarge),
                    Some(_) => Err(BodyError::Aborted),
                    None => Ok(()),
                }
            }
        }
    }

    fn write_body(
        &mut self,
        hook: Hook,
        call: &str,
        data: &[u8],
    ) -> wasmtime::Result<Result<(), BodyError>> {
        let cap = self.context.limits.body as usize;
        Ok(self.replacement(hook, call)?.and_then(|new| {
            if new.len() + data.len() > cap {
                return Err(BodyError::TooLarge);
            }
            new.extend_from_slice(data);
            Ok(())
        }))
    }

    fn clear_body(&mut self, hook: Hook, call: &str) -> wasmtime::Result<Result<(), BodyError>> {
        Ok(self.replacement(hook, call)?.map(|new| new.clear()))
    }

    /// The new body, begun if there is none yet.
    fn replacement(
        &mut self,
        hook: Hook,
        call: &str,
    ) -> wasmtime::Result<Result<&mut BytesMut, BodyError>> {
        let phase = self.phase;
        let exchange = self.exchange(call)?;
        let slot = match hook {
            Hook::RequestBody => &mut exchange.request_body,
            _ => &mut exchange.response_body,
        };
        Ok(match slot {
            BodySlot::Whole { replacement, .. } if phase == Phase::Hook(hook) => {
                Ok(replacement.get_or_insert_default())
            }
            _ => Err(BodyError::Unavailable),
        })
    }
}

impl BodySlot {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Closed => &[],
            Self::Whole { bytes, .. } => bytes,
            Self::OnDemand { read, .. } => read,
        }
    }
}

fn range(bytes: &[u8], from: u64, to: u64) -> Vec<u8> {
    let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes[clamp(from)..clamp(to)].to_vec()
}

fn text(bytes: &[u8]) -> Result<String, BodyError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| BodyError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_the_body_ends() {
        let body = b"abc";
        assert_eq!(range(body, 1, 2), b"b");
        assert_eq!(range(body, 2, 99), b"c");
        assert!(range(body, 3, 9).is_empty() && range(body, u64::MAX, u64::MAX).is_empty());
    }
}
