//! The body of the response: shaped as the profile has it.

use std::io::{self, Write};

use torana_plugin_sdk::{
    host::{BodyError, EditBody},
    prelude::*,
};

use crate::{
    BffShape, head,
    plan::Plan,
    profile::Profile,
    query::QueryError,
    settings::Odd,
    shape::shape,
    text::{Text, Unread},
    view::View,
    window::Window,
};

/// What is written to the host at a time.
const CHUNK: usize = 64 << 10;

/// Why a body could not be shaped.
enum Trouble {
    /// It says it is JSON and is not: why.
    Malformed(String),
    /// It may well be JSON, and is not passed on whatever the settings say: what a profile leaves out
    /// of it is in it.
    TooLarge(String),
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Trouble {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

impl BffShape {
    pub(crate) fn shape_body(&self, host: &impl Host) -> Outcome {
        if !self.shapes(host)? {
            return self.other_body(host);
        }
        let view = self.view_of_response(host)?;
        match self.shape_json(&view, host) {
            Ok(()) => Ok(Action::Next),
            Err(Trouble::Malformed(_)) if self.settings.malformed == Odd::Pass => Ok(Action::Next),
            Err(Trouble::Malformed(why)) => {
                host.log().warn(format_args!("the upstream's JSON is malformed: {why}"));
                Ok(refusal("malformed-json", "The response of the service is not valid."))
            }
            Err(Trouble::TooLarge(why)) => {
                host.log().warn(why);
                let detail = "The response of the service is too large or too deep to be shaped.";
                Ok(refusal("too-large-to-shape", detail))
            }
            Err(Trouble::Failed(failure)) => Err(failure),
        }
    }

    /// A body that is no JSON.
    fn other_body(&self, host: &impl Host) -> Outcome {
        let refuses = self.settings.not_json == Odd::Refuse
            && self.is_ours(host)
            && (200..300).contains(&host.response().status());
        if !refuses || head::is_problem(host) || host.response_body().length()? == 0 {
            return Ok(Action::Next);
        }
        host.log().warn("the upstream's response is not JSON, and `not_json` is \"refuse\"");
        Ok(refusal("not-json", "The response of the service is not of the expected type."))
    }

    fn shape_json(&self, view: &View, host: &impl Host) -> Result<(), Trouble> {
        let profile = self.profiles.get(&view.profile).ok_or_else(|| changed("profile"))?;
        let fields = self.fields(view)?;
        let work = Work { profile, windows: windows(profile, view)?, fields };
        if work.is_none() || host.response_body().length()? == 0 {
            return Ok(());
        }
        let text = host.response_body().text().map_err(|refused| match refused.why {
            BodyError::NotText => Trouble::Malformed("it is not UTF-8".into()),
            _ => Trouble::from(refused),
        })?;
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let text = Text::of_service(text, usize::from(self.settings.max_depth));
        work.run(text, &host.response_body_edit())
    }

    /// What the client selected, ready for use.
    fn fields(&self, view: &View) -> Result<Option<Plan>, Failure> {
        // It was allowed at the request's head.
        let paths = self.allowed.select(&view.more.fields).unwrap_or_default();
        let plan = paths.map(Plan::of_fields).transpose();
        plan.map_err(|fault| Failure::new(format!("the fields of the request: {}", fault.message)))
    }
}

fn windows(profile: &Profile, view: &View) -> Result<Vec<Window>, Failure> {
    profile.windows(&view.more.pages).map_err(|_| changed("view"))
}

fn changed(attribute: &str) -> Failure {
    Failure::new(format!("the attribute `{attribute}` was changed: let no other plugin write it"))
}

fn refusal(kind: &str, detail: &str) -> Action {
    Reply::problem(502, kind, detail).into()
}

/// What is to be done with one document: the profile, then its `jmespath`, then the fields.
struct Work<'a> {
    profile: &'a Profile,
    windows: Vec<Window>,
    fields: Option<Plan>,
}

impl Work<'_> {
    fn is_none(&self) -> bool {
        self.profile.plan.is_none() && self.profile.query.is_none() && self.fields.is_none()
    }

    /// Each step frees what the one before it made, and the last writes straight to the host: a
    /// large document does not exist three times.
    fn run(&self, text: Text, body: &impl EditBody) -> Result<(), Trouble> {
        let mut text = text;
        if let Some(plan) = &self.profile.plan {
            let is_last = self.profile.query.is_none() && self.fields.is_none();
            let mut sink = Sink::new(is_last.then_some(body));
            let document = text.document().map_err(unread)?;
            shape(plan, &self.windows, document, &mut sink).map_err(written)?;
            match sink.finish()? {
                Some(shaped) => text = Text::made(shaped),
                None => return Ok(()),
            }
        }
        if let Some(query) = &self.profile.query {
            let result = query.run(text.document().map_err(unread)?);
            text = Text::made(result.map_err(no_result)?);
        }
        match &self.fields {
            Some(plan) => {
                let mut sink = Sink::new(Some(body));
                let document = text.document().map_err(unread)?;
                shape(plan, &[], document, &mut sink).map_err(written)?;
                sink.finish().map(drop)?;
            }
            None => body.write_text(text.as_str())?,
        }
        Ok(())
    }
}

fn unread(why: Unread) -> Trouble {
    match why {
        Unread::Malformed(_) => Trouble::Malformed(why.to_string()),
        Unread::TooDeep(_) | Unread::MadeTooDeep => Trouble::TooLarge(why.to_string()),
    }
}

fn no_result(why: QueryError) -> Trouble {
    match why {
        QueryError::TooLarge(_) | QueryError::TooDeep => Trouble::TooLarge(why.to_string()),
        QueryError::Expression(_) => Trouble::from(why.to_string()),
    }
}

/// Where shaped text goes: to the host, some at a time, or into memory. (One type for both, so that
/// the walk is compiled once.)
struct Sink<'a, B> {
    buffer: Vec<u8>,
    body: Option<&'a B>,
}

impl<'a, B: EditBody> Sink<'a, B> {
    fn new(body: Option<&'a B>) -> Self {
        Self { buffer: Vec::with_capacity(CHUNK), body }
    }

    /// What is left; none if the host has it.
    fn finish(mut self) -> Result<Option<String>, Failure> {
        self.flush().map_err(|error| error.to_string())?;
        match self.body {
            Some(_) => Ok(None),
            None => Ok(Some(String::from_utf8(self.buffer).map_err(|error| error.to_string())?)),
        }
    }
}

impl<B: EditBody> Write for Sink<'_, B> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let is_full = self.buffer.len() + data.len() > CHUNK;
        if let Some(body) = self.body.filter(|_| is_full) {
            self.flush()?;
            if data.len() >= CHUNK {
                body.write(data).map_err(refused)?;
                return Ok(data.len());
            }
        }
        self.buffer.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(body) = self.body.filter(|_| !self.buffer.is_empty()) {
            body.write(&self.buffer).map_err(refused)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn written(error: io::Error) -> Trouble {
    Trouble::from(error.to_string())
}

fn refused(refused: Refused<BodyError>) -> io::Error {
    io::Error::other(refused.to_string())
}
