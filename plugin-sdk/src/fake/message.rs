//! Heads, with the host's rules about names, values and who may see what.

use super::{FakeHost, Headers, State, state::ResponseHead};
use crate::{
    Header, HeaderName, Refused,
    header_name::{HIDDEN, RESERVED},
    host::{
        Change, EditError, EditHeaders, HeaderError, ReadHeaders, Request, RequestEdit, Response,
        ResponseAhead, ResponseEdit, TlsSession,
    },
    percent::percent_decoded,
};

pub(super) struct FakeRequest(pub(super) FakeHost);
pub(super) struct FakeRequestEdit(pub(super) FakeHost);
pub(super) struct FakeResponse(pub(super) FakeHost);
pub(super) struct FakeResponseEdit(pub(super) FakeHost);
pub(super) struct FakeResponseAhead(pub(super) FakeHost);

fn request(state: &mut State) -> &mut Headers {
    &mut state.request.headers
}

fn response(state: &mut State) -> &mut Headers {
    &mut head(state).headers
}

fn head(state: &mut State) -> &mut ResponseHead {
    state.response.as_mut().expect("the host traps: there is no response in this hook")
}

fn checked(name: &str) -> Option<HeaderName> {
    HeaderName::try_from(name.to_owned()).ok()
}

pub(super) fn may_read(state: &State, name: &str) -> Result<(), HeaderError> {
    let name = checked(name).ok_or(HeaderError::InvalidName)?;
    if HIDDEN.contains(&&*name) && !state.readable.contains(&*name) {
        return Err(HeaderError::Hidden);
    }
    Ok(())
}

pub(super) fn may_write(state: &State, name: &str) -> Result<(), EditError> {
    let name = checked(name).ok_or(EditError::InvalidName)?;
    if name.is_reserved() {
        return Err(EditError::Reserved);
    }
    if HIDDEN.contains(&&*name) && !state.writable.contains(&*name) {
        return Err(EditError::Hidden);
    }
    Ok(())
}

/// The same of every name that begins so.
fn may_write_all(state: &State, beginning: &str) -> Result<(), EditError> {
    let beginning = beginning.to_ascii_lowercase();
    let mut kept = HIDDEN.iter().chain(&RESERVED).filter(|name| name.starts_with(&beginning));
    kept.try_for_each(|name| may_write(state, name))
}

fn is_legal(value: &[u8]) -> Result<(), EditError> {
    if is_value(value) {
        return Ok(());
    }
    Err(EditError::InvalidValue("a header value may not have control bytes".into()))
}

/// Whether a header may have it.
pub(super) fn is_value(value: &[u8]) -> bool {
    let is_control = |byte: u8| byte < 0x20 && byte != b'\t' || byte == 0x7f;
    !value.iter().any(|&byte| is_control(byte))
}

pub(super) fn as_field(name: &str, value: &[u8]) -> Header {
    Header { name: name.into(), value: String::from_utf8_lossy(value).into_owned() }
}

/// Whether it takes a grant of its own.
#[cfg(feature = "cases")]
pub(crate) fn is_hidden(name: &str) -> bool {
    HIDDEN.contains(&name)
}

/// A plugin's header list as the host takes it, without the fields that it keeps for itself; or what is wrong with it.
pub(crate) fn sound_headers(list: &[Header]) -> Result<Vec<Header>, String> {
    if list.len() > MAX_CHANGES {
        return Err(format!("{} header fields (at most {MAX_CHANGES})", list.len()));
    }
    let mut headers = Vec::with_capacity(list.len());
    for Header { name, value } in list {
        let name =
            checked(name).ok_or_else(|| format!("`{}` is no header name", name.escape_debug()))?;
        if !is_value(value.as_bytes()) {
            return Err(format!("the value of `{name}` has characters that no header may have"));
        }
        if !name.is_reserved() {
            headers.push(as_field(&name, value.as_bytes()));
        }
    }
    Ok(headers)
}

fn as_text(value: Vec<u8>) -> Result<String, HeaderError> {
    String::from_utf8(value).map_err(|_| HeaderError::NotText)
}

/// Whoever writes `x-user-id` into a request writes `x_user_id` too, which many a service takes for the same.
fn remove_aliases(interface: &str, headers: &mut Headers, name: &str) {
    if interface == "request-edit" {
        headers.remove_aliases(name);
    }
}

macro_rules! headers {
    ($fake:ident reads $interface:literal by $headers:ident) => {
        impl ReadHeaders for $fake {
            fn header(&self, name: &str) -> Result<Option<String>, Refused<HeaderError>> {
                let bytes = self.header_bytes(name)?;
                bytes.map(as_text).transpose().map_err(|why| Refused::new(name, why))
            }
            fn header_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Refused<HeaderError>> {
                let mut state = self.0.call($interface);
                let value = may_read(&state, name).and_then(|()| $headers(&mut state).one(name));
                value.map_err(|why| Refused::new(name, why))
            }
            fn header_values(&self, name: &str) -> Result<Vec<String>, Refused<HeaderError>> {
                let mut state = self.0.call($interface);
                may_read(&state, name).map_err(|why| Refused::new(name, why))?;
                let values = $headers(&mut state).all(name).into_iter().map(<[u8]>::to_vec);
                values.map(as_text).collect::<Result<_, _>>().map_err(|why| Refused::new(name, why))
            }
            fn header_names(&self) -> Vec<String> {
                let mut state = self.0.call($interface);
                let names = $headers(&mut state).names();
                names.into_iter().filter(|name| may_read(&state, name).is_ok()).collect()
            }
        }
    };
    ($fake:ident edits $interface:literal by $headers:ident) => {
        impl EditHeaders for $fake {
            fn set_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>> {
                self.set_header_bytes(name, value.as_bytes())
            }
            fn set_header_bytes(&self, name: &str, value: &[u8]) -> Result<(), Refused<EditError>> {
                let mut state = self.0.call($interface);
                may_write(&state, name)
                    .and_then(|()| is_legal(value))
                    .map_err(|why| Refused::new(name, why))?;
                $headers(&mut state).remove(name);
                remove_aliases($interface, $headers(&mut state), name);
                $headers(&mut state).push(name, value);
                Ok(())
            }
            fn add_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>> {
                let mut state = self.0.call($interface);
                may_write(&state, name)
                    .and_then(|()| is_legal(value.as_bytes()))
                    .map_err(|why| Refused::new(name, why))?;
                remove_aliases($interface, $headers(&mut state), name);
                $headers(&mut state).push(name, value.as_bytes());
                Ok(())
            }
            fn remove_header(&self, name: &str) -> Result<(), Refused<EditError>> {
                let mut state = self.0.call($interface);
                may_write(&state, name).map_err(|why| Refused::new(name, why))?;
                $headers(&mut state).remove(name);
                remove_aliases($interface, $headers(&mut state), name);
                Ok(())
            }
        }
    };
}

headers!(FakeRequest reads "request" by request);
headers!(FakeResponse reads "response" by response);
headers!(FakeRequestEdit edits "request-edit" by request);
headers!(FakeResponseEdit edits "response-edit" by response);

impl Request for FakeRequest {
    fn method(&self) -> String {
        self.0.call("request").request.method.clone()
    }
    fn scheme(&self) -> String {
        self.0.call("request").request.scheme.clone()
    }
    fn authority(&self) -> String {
        self.0.call("request").request.authority.clone()
    }
    fn path(&self) -> String {
        self.0.call("request").request.path.clone()
    }
    fn query(&self) -> Option<String> {
        self.0.call("request").request.query.clone()
    }
    fn query_values(&self, name: &str) -> Vec<String> {
        let query = self.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let found = pairs.filter(|(key, _)| decoded(key) == name);
        found.map(|(_, value)| decoded(value)).collect()
    }
    fn param(&self, name: &str) -> Option<String> {
        let state = self.0.call("request");
        let found = state.request.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }
    fn version(&self) -> String {
        self.0.call("request");
        "HTTP/1.1".into()
    }
    fn client_address(&self) -> String {
        self.0.call("request").request.client.clone()
    }
    fn tls(&self) -> Option<TlsSession> {
        self.0.call("request").request.tls.clone()
    }
    fn route(&self) -> String {
        self.0.call("request").request.route.clone()
    }
    fn id(&self) -> String {
        self.0.call("request").request.id.clone()
    }
}

/// Undoes application/x-www-form-urlencoded.
fn decoded(text: &str) -> String {
    percent_decoded(&text.replace('+', " "))
}

impl RequestEdit for FakeRequestEdit {
    fn set_path(&self, path: &str) -> Result<(), Refused<EditError>> {
        let mut state = self.0.call("request-edit");
        if !path.starts_with('/') || !is_target(path) || path.contains('?') {
            let why = "a path begins with a slash and is percent-encoded";
            return Err(Refused::new("path", EditError::InvalidValue(why.into())));
        }
        state.request.path = path.into();
        Ok(())
    }
    fn set_query(&self, query: Option<&str>) -> Result<(), Refused<EditError>> {
        let mut state = self.0.call("request-edit");
        if !query.is_none_or(is_target) {
            let why = EditError::InvalidValue("a query is percent-encoded".into());
            return Err(Refused::new("query", why));
        }
        state.request.query = query.map(str::to_owned);
        Ok(())
    }
    fn choose_upstream(&self, name: &str) -> Result<(), Refused<EditError>> {
        let mut state = self.0.call("request-edit");
        if !state.upstreams.iter().any(|known| known == name) {
            return Err(Refused::new(name, EditError::UnknownUpstream));
        }
        state.chosen = Some(name.into());
        Ok(())
    }
}

fn is_target(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

impl Response for FakeResponse {
    fn status(&self) -> u16 {
        head(&mut self.0.call("response")).status
    }
}

impl ResponseEdit for FakeResponseEdit {
    fn set_status(&self, status: u16) -> Result<(), Refused<EditError>> {
        let mut state = self.0.call("response-edit");
        if !(200..600).contains(&status) {
            let why = EditError::InvalidValue("a status is 200 to 599".into());
            return Err(Refused::new("status", why));
        }
        head(&mut state).status = status;
        Ok(())
    }
}

/// What a list may be merged with, and what is kept of a plugin for one exchange (response.wit). As many fields may a
/// reply have.
const MAX_MERGED: usize = 64;
const MAX_CHANGES: usize = 200;
const MAX_BYTES: usize = 128 << 10;

/// Where there is a response already, it is changed at once: which hook it is called from it does not know.
impl ResponseAhead for FakeResponseAhead {
    fn edit(&self, changes: &[Change]) -> Result<(), Refused<EditError>> {
        let mut state = self.0.call("response-ahead");
        may_change(&state, changes)?;
        have_room(&state.ahead, changes, MAX_CHANGES, MAX_BYTES)?;
        changes.iter().for_each(|change| state.change_response(change));
        Ok(())
    }
}

/// Whether a plugin may make all of these changes of responses.
pub(super) fn may_change(state: &State, changes: &[Change]) -> Result<(), Refused<EditError>> {
    for change in changes {
        let name = change.name();
        may_write(state, name)
            .and_then(|()| is_legal(change.value().as_bytes()))
            .and_then(|()| match change {
                Change::RemoveAll(beginning) => may_write_all(state, beginning),
                Change::Merge(header) if header.value.split(',').count() > MAX_MERGED => {
                    Err(EditError::TooLarge)
                }
                _ => Ok(()),
            })
            .map_err(|why| Refused::new(name, why))?;
    }
    Ok(())
}

/// Whether more can be kept beside what is.
pub(super) fn have_room(
    kept: &[Change],
    more: &[Change],
    most_changes: usize,
    most_bytes: usize,
) -> Result<(), Refused<EditError>> {
    let mut count = kept.len();
    let mut bytes: usize = kept.iter().map(Change::len).sum();
    for change in more {
        (count, bytes) = (count + 1, bytes + change.len());
        if count > most_changes || bytes > most_bytes {
            return Err(Refused::new(change.name(), EditError::TooLarge));
        }
    }
    Ok(())
}

impl Change {
    fn value(&self) -> &str {
        match self {
            Self::Set(header) | Self::Add(header) | Self::Merge(header) => &header.value,
            Self::Remove(_) | Self::RemoveAll(_) => "",
        }
    }

    fn len(&self) -> usize {
        self.name().len() + self.value().len()
    }
}
