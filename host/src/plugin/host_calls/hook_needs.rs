//! `hook-needs`.

use http::Method;
use wasmtime::bail;

use super::headers::readable_name;
use crate::{
    message,
    plugin::{
        bindings::{
            hook_needs::{Hooks, Host, Requests},
            types::HeaderError,
        },
        state::{Phase, State},
    },
};

impl Host for State {
    fn skip(&mut self, hooks: Hooks) -> wasmtime::Result<()> {
        self.only_in_configure("hook-needs.skip")?;
        self.declared.skipped |= hooks;
        Ok(())
    }

    fn only_for(&mut self, requests: Requests) -> wasmtime::Result<Result<(), HeaderError>> {
        self.only_in_configure("hook-needs.only-for")?;
        let count = requests.headers.len() + requests.methods.len();
        if count > message::Requests::MAX_NAMES {
            let most = message::Requests::MAX_NAMES;
            bail!("hook-needs.only-for was called with {count} names (at most {most} in all)");
        }
        let answer = self.checked_requests(&requests);
        let answer = self.note_hidden(answer, |error| matches!(error, HeaderError::Hidden));
        Ok(answer.map(|requests| self.declared.standing.call_only_for(requests)))
    }
}

impl State {
    fn only_in_configure(&self, call: &str) -> wasmtime::Result<()> {
        match self.phase {
            Phase::Configure => Ok(()),
            _ => bail!("{call} was called outside of configure"),
        }
    }

    fn checked_requests(&self, requests: &Requests) -> Result<message::Requests, HeaderError> {
        let readable = &self.context.grants.headers_read;
        let headers = requests.headers.iter().map(|name| readable_name(name, readable));
        let methods = requests.methods.iter().map(|method| method.parse::<Method>());
        Ok(message::Requests {
            headers: headers.collect::<Result<_, _>>()?,
            methods: methods.collect::<Result<_, _>>().map_err(|_| HeaderError::InvalidName)?,
        })
    }
}
