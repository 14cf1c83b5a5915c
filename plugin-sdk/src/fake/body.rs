//! Bodies, whole in memory.

use super::{Body, FakeHost, State};
use crate::{
    Refused,
    host::{BodyError, EditBody, ReadBody},
};

pub(super) struct FakeRequestBody(pub(super) FakeHost);
pub(super) struct FakeRequestBodyEdit(pub(super) FakeHost);
pub(super) struct FakeResponseBody(pub(super) FakeHost);
pub(super) struct FakeResponseBodyEdit(pub(super) FakeHost);

fn request(state: &mut State) -> Option<&mut Body> {
    state.request_body.as_mut()
}

fn response(state: &mut State) -> Option<&mut Body> {
    state.response_body.as_mut()
}

macro_rules! body {
    ($fake:ident reads $interface:literal of $what:literal by $body:ident) => {
        impl $fake {
            fn with<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Refused<BodyError>> {
                let mut state = self.0.call($interface);
                let body = $body(&mut state);
                body.map(|body| read(&body.old))
                    .ok_or_else(|| Refused::new($what, BodyError::Unavailable))
            }
        }

        impl ReadBody for $fake {
            fn length(&self) -> Result<u64, Refused<BodyError>> {
                self.with(|body| body.len() as u64)
            }
            fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, Refused<BodyError>> {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                self.with(|body| body.iter().skip(offset).take(length as usize).copied().collect())
            }
            fn text(&self) -> Result<String, Refused<BodyError>> {
                let text = self.with(|body| String::from_utf8(body.to_vec()))?;
                text.map_err(|_| Refused::new($what, BodyError::NotText))
            }
        }
    };
    ($fake:ident edits $interface:literal of $what:literal by $body:ident) => {
        impl $fake {
            fn with(&self, edit: impl FnOnce(&mut Vec<u8>)) -> Result<(), Refused<BodyError>> {
                let mut state = self.0.call($interface);
                let body = $body(&mut state);
                let body = body.ok_or_else(|| Refused::new($what, BodyError::Unavailable))?;
                edit(body.new.get_or_insert_default());
                Ok(())
            }
        }

        impl EditBody for $fake {
            fn write(&self, data: &[u8]) -> Result<(), Refused<BodyError>> {
                self.with(|body| body.extend(data))
            }
            fn write_text(&self, data: &str) -> Result<(), Refused<BodyError>> {
                self.write(data.as_bytes())
            }
            fn clear(&self) -> Result<(), Refused<BodyError>> {
                self.with(Vec::clear)
            }
        }
    };
}

body!(FakeRequestBody reads "request-body" of "request" by request);
body!(FakeRequestBodyEdit edits "request-body-edit" of "request" by request);
body!(FakeResponseBody reads "response-body" of "response" by response);
body!(FakeResponseBodyEdit edits "response-body-edit" of "response" by response);
