//! `request` and `request-edit`.

use bytes::Bytes;
use http::Version;

use super::headers::{Editor, View, field_value, writable_name};
use crate::{
    filter::Hook,
    message::Change,
    plugin::{
        bindings::{
            request::{Host, TlsSession},
            request_edit,
            types::{EditError, HeaderError},
        },
        state::{Phase, State},
    },
};

impl Host for State {
    fn method(&mut self) -> wasmtime::Result<String> {
        Ok(self.exchange("request.method")?.request.method.as_str().to_owned())
    }

    fn scheme(&mut self) -> wasmtime::Result<String> {
        let https = self.exchange("request.scheme")?.client.https;
        Ok(if https { "https" } else { "http" }.to_owned())
    }

    fn authority(&mut self) -> wasmtime::Result<String> {
        Ok(self.exchange("request.authority")?.authority.clone())
    }

    fn path(&mut self) -> wasmtime::Result<String> {
        Ok(self.exchange("request.path")?.path().to_owned())
    }

    fn query(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.exchange("request.query")?.query().map(str::to_owned))
    }

    fn query_values(&mut self, name: String) -> wasmtime::Result<Vec<String>> {
        let query = self.exchange("request.query-values")?.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        Ok(pairs.filter(|(n, _)| *n == name).map(|(_, value)| value.into_owned()).collect())
    }

    fn param(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let params = &self.exchange("request.param")?.params;
        Ok(params.iter().find(|(n, _)| **n == *name).map(|(_, value)| value.clone()))
    }

    fn version(&mut self) -> wasmtime::Result<String> {
        Ok(match self.exchange("request.version")?.request.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        }
        .to_owned())
    }

    fn header(&mut self, name: String) -> wasmtime::Result<Result<Option<String>, HeaderError>> {
        self.read_request("request.header", |headers| headers.value(&name))
    }

    fn header_bytes(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, HeaderError>> {
        self.read_request("request.header-bytes", |headers| headers.bytes(&name))
    }

    fn header_values(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Vec<String>, HeaderError>> {
        self.read_request("request.header-values", |headers| headers.values(&name))
    }

    fn header_names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.request_headers("request.header-names")?.names())
    }

    fn client_address(&mut self) -> wasmtime::Result<String> {
        Ok(self.exchange("request.client-address")?.client.address.to_string())
    }

    fn tls(&mut self) -> wasmtime::Result<Option<TlsSession>> {
        Ok(self.exchange("request.tls")?.client.tls.as_ref().map(|session| TlsSession {
            version: session.version.to_owned(),
            server_name: session.server_name.clone(),
            client_certificate: session.client_certificate.clone(),
        }))
    }

    fn route(&mut self) -> wasmtime::Result<String> {
        Ok(self.exchange("request.route")?.route.to_string())
    }

    fn id(&mut self) -> wasmtime::Result<String> {
        Ok(self.exchange("request.id")?.id.to_string())
    }
}

impl request_edit::Host for State {
    fn set_header(
        &mut self,
        name: String,
        value: String,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_request(Edit::Set(name, value.into()))
    }

    fn set_header_bytes(
        &mut self,
        name: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_request(Edit::Set(name, value.into()))
    }

    fn add_header(
        &mut self,
        name: String,
        value: String,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_request(Edit::Add(name, value.into()))
    }

    fn remove_header(&mut self, name: String) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_request(Edit::Remove(name))
    }

    fn set_path(&mut self, path: String) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_target("request-edit.set-path", |exchange| {
            if !path.starts_with('/') || !is_target(&path, b"?#") {
                let why = "a path begins with a slash and is percent-encoded";
                return Err(EditError::InvalidValue(why.into()));
            }
            exchange.set_path = Some(path);
            Ok(())
        })
    }

    fn set_query(&mut self, query: Option<String>) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_target("request-edit.set-query", |exchange| {
            if query.as_ref().is_some_and(|query| !is_target(query, b"#")) {
                return Err(EditError::InvalidValue("a query is percent-encoded".into()));
            }
            exchange.set_query = Some(query);
            Ok(())
        })
    }

    fn choose_upstream(&mut self, name: String) -> wasmtime::Result<Result<(), EditError>> {
        self.edit_target("request-edit.choose-upstream", |exchange| {
            let index = exchange.upstreams.iter().position(|upstream| **upstream == *name);
            exchange.upstream = Some(index.ok_or(EditError::UnknownUpstream)?);
            Ok(())
        })
    }
}

impl State {
    fn request_headers(&mut self, call: &str) -> wasmtime::Result<View<'_>> {
        self.exchange(call)?;
        let map = &self.exchange.request.headers;
        Ok(View { map, readable: &self.context.grants.headers_read })
    }

    fn read_request<T>(
        &mut self,
        call: &str,
        read: impl FnOnce(View<'_>) -> Result<T, HeaderError>,
    ) -> wasmtime::Result<Result<T, HeaderError>> {
        let answer = read(self.request_headers(call)?);
        Ok(self.note_hidden(answer, |error| matches!(error, HeaderError::Hidden)))
    }

    /// At once; in `configure`, in every request from then on.
    fn edit_request(&mut self, edit: Edit) -> wasmtime::Result<Result<(), EditError>> {
        let answer = match self.phase {
            Phase::Configure => self.edit_every_request(edit),
            _ => self.edit_this_request(edit)?,
        };
        Ok(self.note_hidden(answer, |error| matches!(error, EditError::Hidden)))
    }

    fn edit_this_request(&mut self, edit: Edit) -> wasmtime::Result<Result<(), EditError>> {
        self.exchange("request-edit")?;
        if !self.is_request_open() {
            return Ok(Err(EditError::TooLate));
        }
        let has_underscores = self.exchange.hop.has_underscores;
        let (map, writable) =
            (&mut self.exchange.request.headers, &self.context.grants.headers_write);
        Ok(edit.make(&mut Editor { map, writable, has_underscores }))
    }

    fn edit_every_request(&mut self, edit: Edit) -> Result<(), EditError> {
        let change = edit.checked(&self.context.grants.headers_write)?;
        let kept = self.declared.standing.keep_for_requests(vec![change]);
        kept.map_err(|_| EditError::TooLarge)
    }

    fn edit_target(
        &mut self,
        call: &str,
        edit: impl FnOnce(&mut crate::message::Exchange) -> Result<(), EditError>,
    ) -> wasmtime::Result<Result<(), EditError>> {
        self.exchange(call)?;
        if !self.is_request_open() {
            return Ok(Err(EditError::TooLate));
        }
        Ok(edit(&mut self.exchange))
    }

    /// Whether the request has not been sent yet.
    pub(super) fn is_request_open(&self) -> bool {
        matches!(
            self.phase,
            Phase::Hook(Hook::RequestHead | Hook::RequestBody | Hook::RequestStream)
        )
    }
}

/// A change of a request's head, as the guest said it.
enum Edit {
    Set(String, Bytes),
    Add(String, Bytes),
    Remove(String),
}

impl Edit {
    fn make(self, editor: &mut Editor<'_>) -> Result<(), EditError> {
        match self {
            Self::Set(name, value) => editor.set(&name, value),
            Self::Add(name, value) => editor.add(&name, value),
            Self::Remove(name) => editor.remove(&name),
        }
    }

    /// To be made later.
    fn checked(self, writable: &[String]) -> Result<Change, EditError> {
        let name = |name: String| writable_name(&name, writable);
        Ok(match self {
            Self::Set(header, value) => Change::Set(name(header)?, field_value(value)?),
            Self::Add(header, value) => Change::Add(name(header)?, field_value(value)?),
            Self::Remove(header) => Change::Remove(name(header)?),
        })
    }
}

/// Whether all of it may stand in a request target (RFC 3986, 3.3 and 3.4; as lenient as HTTP
/// servers are). Spaces and control bytes would end the request line.
fn is_target(text: &str, without: &[u8]) -> bool {
    text.len() <= 64 << 10 && text.bytes().all(|b| b.is_ascii_graphic() && !without.contains(&b))
}
