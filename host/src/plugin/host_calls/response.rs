//! `response` and `response-edit`.

use http::StatusCode;
use wasmtime::bail;

use super::headers::{Editor, View};
use crate::{
    filter::Hook,
    heads::ResponseHead,
    plugin::{
        bindings::{
            response::Host,
            response_edit,
            types::{EditError, HeaderError},
        },
        state::{Phase, State},
    },
};

impl Host for State {
    fn status(&mut self) -> wasmtime::Result<u16> {
        Ok(self.response("response.status")?.status.as_u16())
    }

    fn header(&mut self, name: String) -> wasmtime::Result<Result<Option<String>, HeaderError>> {
        self.read_response("response.header", |headers| headers.value(&name))
    }

    fn header_bytes(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, HeaderError>> {
        self.read_response("response.header-bytes", |headers| headers.bytes(&name))
    }

    fn header_values(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Vec<String>, HeaderError>> {
        self.read_response("response.header-values", |headers| headers.values(&name))
    }

    fn header_names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.response_headers("response.header-names")?.names())
    }
}

impl response_edit::Host for State {
    fn set_status(&mut self, status: u16) -> wasmtime::Result<Result<(), EditError>> {
        if !self.is_response_open("response-edit.set-status")? {
            return Ok(Err(EditError::TooLate));
        }
        match StatusCode::from_u16(status).ok().filter(|s| (200..600).contains(&s.as_u16())) {
            Some(status) => {
                self.response("response-edit.set-status")?.status = status;
                Ok(Ok(()))
            }
            None => Ok(Err(EditError::InvalidValue("a status is 200 to 599".into()))),
        }
    }

    fn set_header(
        &mut self,
        name: String,
        value: String,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_response(|editor| editor.set(&name, value))
    }

    fn set_header_bytes(
        &mut self,
        name: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_response(|editor| editor.set(&name, value))
    }

    fn add_header(
        &mut self,
        name: String,
        value: String,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_response(|editor| editor.add(&name, value))
    }

    fn remove_header(&mut self, name: String) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_response(|editor| editor.remove(&name))
    }
}

impl State {
    fn response(&mut self, call: &str) -> wasmtime::Result<&mut ResponseHead> {
        match &mut self.exchange(call)?.response {
            Some(response) => Ok(response),
            None => bail!("{call} was called before there is a response"),
        }
    }

    fn response_headers(&mut self, call: &str) -> wasmtime::Result<View<'_>> {
        self.response(call)?;
        let map = self.exchange.response.as_ref().map(|r| &r.headers);
        let Some(map) = map else { bail!("{call} was called before there is a response") };
        Ok(View { map, readable: &self.context.grants.headers_read })
    }

    fn read_response<T>(
        &mut self,
        call: &str,
        read: impl FnOnce(View<'_>) -> Result<T, HeaderError>,
    ) -> wasmtime::Result<Result<T, HeaderError>> {
        let answer = read(self.response_headers(call)?);
        Ok(self.note_hidden(answer, |error| matches!(error, HeaderError::Hidden)))
    }

    fn edit_response(
        &mut self,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
    ) -> wasmtime::Result<Result<(), EditError>> {
        if !self.is_response_open("response-edit")? {
            return Ok(Err(EditError::TooLate));
        }
        let Some(response) = &mut self.exchange.response else {
            return Ok(Err(EditError::TooLate));
        };
        let (map, writable) = (&mut response.headers, &self.context.grants.headers_write);
        let answer = edit(&mut Editor { map, writable, has_underscores: false });
        Ok(self.note_hidden(answer, |error| matches!(error, EditError::Hidden)))
    }

    fn is_response_open(&mut self, call: &str) -> wasmtime::Result<bool> {
        self.exchange(call)?;
        Ok(matches!(
            self.phase,
            Phase::Hook(Hook::ResponseHead | Hook::ResponseBody | Hook::ResponseStream)
        ))
    }
}
