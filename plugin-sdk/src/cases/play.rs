//! Plays a case: the host's part, in the order of the contract.

use std::rc::Rc;

use super::{
    Access,
    expect::{End, Witness},
    format::{Case, Stores},
    reply::sound,
    services::Services,
    trap::catch,
};
use crate::{
    Action, Failure, Hook, Hooks, Outcome, Reply, SettingErrors, StreamOutcome,
    fake::FakeHost,
    host::{Attributes as _, Host as _, Request as _, Response as _},
    one_line::one_line,
    settings,
};

/// What came of a case.
pub(super) struct Played {
    pub(super) end: End,
    pub(super) host: FakeHost,
    /// The calls that found no `[[fetch]]`, and the `[[fetch]]` that found no call.
    pub(super) fetches: Vec<String>,
    /// The request's and the response's body, at their ends.
    pub(super) request_body: Vec<u8>,
    pub(super) response_body: Vec<u8>,
}

impl Played {
    /// What the plugin used and the case does not grant, and what went wrong with its calls.
    pub(super) fn mistakes(&self, case: &Case) -> Vec<String> {
        let used = self.host.used();
        let lacking = used.iter().filter_map(|interface| {
            let grant = case.grants.lacks(interface)?;
            Some(format!("the plugin uses `{interface}`: add `{grant}` to the grants"))
        });
        lacking.chain(self.fetches.iter().cloned()).collect()
    }
}

impl Witness for Played {
    fn target(&self) -> String {
        let request = self.host.request();
        let query = request.query().map(|query| format!("?{query}"));
        format!("{}{}", request.path(), query.unwrap_or_default())
    }

    fn upstream(&self) -> Option<String> {
        self.host.upstream()
    }

    fn sent(&self, name: &str) -> Vec<String> {
        self.host.forwarded_header(name)
    }

    fn sent_body(&self) -> Vec<u8> {
        self.request_body.clone()
    }

    fn status(&self) -> u16 {
        self.host.response().status()
    }

    fn answered(&self, name: &str) -> Vec<String> {
        self.host.answered_header(name)
    }

    fn answered_body(&self) -> Vec<u8> {
        self.response_body.clone()
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.host.attributes().get(name)
    }

    fn log(&self) -> Vec<String> {
        self.host.logs().into_iter().map(|(_, line)| line).collect()
    }

    fn elapsed_millis(&self) -> Option<u64> {
        Some(self.host.elapsed_millis())
    }
}

/// Why an exchange stops before its end.
enum Stop {
    Respond(Reply),
    Fail(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

/// An error says why it could not be played.
pub(super) fn play<P: Hooks>(case: &Case) -> Result<Played, String> {
    let services = Rc::new(Services::new(case));
    let mut host = host(case, services.clone());
    for _ in 1..case.request.times.get() {
        let next = self::host(case, services.clone());
        host = next.with_stores_of(&play_once::<P>(case, host)?.host);
    }
    let played = play_once::<P>(case, host)?;
    Ok(Played { fetches: services.mistakes(), ..played })
}

/// One of the requests that the case sends.
fn play_once<P: Hooks>(case: &Case, host: FakeHost) -> Result<Played, String> {
    let mut exchange = Exchange { case, host, request_body: Vec::new(), response_body: Vec::new() };
    let plugin = catch(|| set_up::<P>(case, &exchange.host));
    let end = match plugin.map_err(|why| format!("the plugin cannot be set up: {why}"))? {
        Ok(plugin) => exchange.end(&plugin),
        Err(errors) => End::Refuse(errors.into_vec()),
    };
    let Exchange { host, request_body, response_body, .. } = exchange;
    Ok(Played { end, host, fetches: Vec::new(), request_body, response_body })
}

fn set_up<P: Hooks>(case: &Case, host: &FakeHost) -> Result<P, SettingErrors> {
    let plugin = settings::parse(&case.settings()).and_then(P::new)?;
    plugin.prepare(host)?;
    let mut refused = SettingErrors::new();
    refused.extend(host.refused_settings());
    refused.or(plugin)
}

fn host(case: &Case, services: Rc<Services>) -> FakeHost {
    let request = &case.request;
    let alternatives = case.route.alternatives.iter().map(String::as_str);
    let upstreams: Vec<_> = ["upstream"].into_iter().chain(alternatives).collect();
    let slow = services.clone();
    let mut host = FakeHost::new(&request.method, &request.path)
        .with_client(&request.client)
        .with_authority(case.authority())
        .with_route(&case.route.name)
        .with_upstreams(&upstreams)
        .with_fetch(move |call| services.answer(call))
        .with_fetch_delay(move |call| slow.delay(call));
    for (name, values) in case.fields() {
        for value in values.as_slice() {
            host = host.with_header(name, value);
        }
    }
    for (name, value) in case.params().unwrap_or_default() {
        host = host.with_param(&name, &value);
    }
    if let Some(pattern) = &case.route.path {
        host = host.with_route_path(pattern);
    }
    if let Some(body) = case.body() {
        host = host.with_body(body);
    }
    for (name, value) in &case.attributes {
        host = host.with_attribute(name, value);
    }
    host = host.with_unix_millis(case.unix_millis());
    if let Some(bytes) = case.grants.kv_bytes() {
        host = host.with_kv_room(bytes);
    }
    if case.stores == Stores::Unavailable {
        host = host.with_unavailable_stores();
    }
    granted_names(case, host)
}

fn granted_names(case: &Case, mut host: FakeHost) -> FakeHost {
    for name in &case.grants.headers.read {
        host = host.grant_read(name);
    }
    for name in &case.grants.headers.write {
        host = host.grant_write(name);
    }
    for name in &case.grants.attributes {
        host = host.grant_attribute(name);
    }
    for name in &case.grants.secrets.use_ {
        host = host.with_secret_to_use(name, case.secret(name).as_bytes());
    }
    for name in &case.grants.secrets.reveal {
        host = host.with_secret_to_reveal(name, case.secret(name));
    }
    host
}

struct Exchange<'a> {
    case: &'a Case,
    host: FakeHost,
    request_body: Vec<u8>,
    response_body: Vec<u8>,
}

impl Exchange<'_> {
    /// What comes of it. A trap ends it wherever it is.
    fn end<P: Hooks>(&mut self, plugin: &P) -> End {
        match catch(|| self.run(plugin)) {
            Ok(Ok(())) => End::Next,
            Ok(Err(Stop::Respond(reply))) => End::Respond(reply),
            Ok(Err(Stop::Fail(Failure { client, log }))) => {
                End::Fail(Failure { client, log: one_line(&log) })
            }
            Err(trap) => End::Fail(Failure::new(trap)),
        }
    }

    fn run<P: Hooks>(&mut self, plugin: &P) -> Result<(), Stop> {
        self.request(plugin)?;
        if P::HOOKS.contains(&Hook::Handler) {
            return Err(Stop::Respond(self.sound(plugin.handle(&self.host)?)?));
        }
        self.host.set_response(&self.case.upstream.reply());
        self.response(plugin, self.may_have_a_body())
    }

    fn request<P: Hooks>(&mut self, plugin: &P) -> Result<(), Stop> {
        let host = &self.host;
        let has_body = self.case.body().is_some();
        let is_for = host.is_called_for();
        self.on(plugin, Hook::OnRequestHead, is_for, || plugin.on_request_head(host))?;
        self.on(plugin, Hook::OnRequestBody, has_body, || plugin.on_request_body(host))?;
        self.request_body = host.forwarded_body();
        if has_body && has(plugin, Hook::OnRequestStream) {
            let goes_on = self.case.grants.request_body != Some(Access::Read);
            transform(host, plugin.on_request_stream(host), &mut self.request_body, goes_on)?;
        }
        Ok(())
    }

    fn response<P: Hooks>(&mut self, plugin: &P, has_body: bool) -> Result<(), Stop> {
        let host = &self.host;
        self.on(plugin, Hook::OnResponseHead, true, || plugin.on_response_head(host))?;
        self.on(plugin, Hook::OnResponseBody, has_body, || plugin.on_response_body(host))?;
        self.response_body = host.answered_body();
        if has_body && has(plugin, Hook::OnResponseStream) {
            let goes_on = self.case.grants.response_body != Some(Access::Read);
            transform(host, plugin.on_response_stream(host), &mut self.response_body, goes_on)?;
        }
        Ok(())
    }

    fn may_have_a_body(&self) -> bool {
        self.case.request.method != "HEAD" && !matches!(self.case.upstream.status, 204 | 304)
    }

    fn sound(&self, reply: Reply) -> Result<Reply, Failure> {
        sound(reply, &self.case.grants.headers.write)
    }

    /// Calls a hook that the plugin has, if it is time for it.
    fn on<P: Hooks>(
        &self,
        plugin: &P,
        hook: Hook,
        is_due: bool,
        call: impl FnOnce() -> Outcome,
    ) -> Result<(), Stop> {
        if !is_due || !has(plugin, hook) {
            return Ok(());
        }
        let outcome = call();
        self.host.end_hook();
        match outcome? {
            Action::Next => Ok(()),
            Action::Respond(reply) => Err(Stop::Respond(self.sound(reply)?)),
        }
    }
}

/// Whether the host calls a hook.
fn has<P: Hooks>(plugin: &P, hook: Hook) -> bool {
    P::HOOKS.contains(&hook) && !plugin.unneeded().contains(&hook)
}

/// In small chunks, so that what a transform looks for is cut in two.
const CHUNK: usize = 5;

/// What comes of a body, which `goes_on` in its place where the plugin may do more than hear it.
fn transform(
    host: &FakeHost,
    outcome: StreamOutcome,
    body: &mut Vec<u8>,
    goes_on: bool,
) -> Result<(), Stop> {
    host.end_hook();
    let Some(mut transform) = outcome? else { return Ok(()) };
    let mut transformed = Vec::new();
    for chunk in body.chunks(CHUNK) {
        transformed.extend(transform.chunk(chunk.to_vec())?);
        host.end_hook();
    }
    transformed.extend(transform.finish()?);
    if goes_on {
        *body = transformed;
    }
    Ok(())
}
