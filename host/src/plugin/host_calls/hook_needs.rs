//! `hook-needs`.

use http::Method;
use wasmtime::bail;

use super::headers::{readable_name, writable_name};
use crate::{
    message,
    plugin::{
        bindings::{
            hook_needs::{Hooks, Host, Requests},
            types::{EditError, HeaderError},
        },
        mentions::{Mention, Mentioned},
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

    fn reads_header(&mut self, name: String, path: Vec<String>) -> wasmtime::Result<()> {
        self.only_in_configure("hook-needs.reads-header")?;
        if let Err(why) = readable_name(&name, &self.context.grants.headers_read) {
            self.declared.mentions.refuse(path, unreadable(&name, &why));
        }
        Ok(())
    }

    fn writes_header(&mut self, name: String, path: Vec<String>) -> wasmtime::Result<()> {
        self.only_in_configure("hook-needs.writes-header")?;
        if let Err(why) = writable_name(&name, &self.context.grants.headers_write) {
            self.declared.mentions.refuse(path, unwritable(&name, &why));
        }
        Ok(())
    }

    fn chooses_upstream(&mut self, name: String, path: Vec<String>) -> wasmtime::Result<()> {
        self.only_in_configure("hook-needs.chooses-upstream")?;
        self.declared.mentions.keep(Mention { what: Mentioned::Upstream, name, path });
        Ok(())
    }

    fn needs_param(&mut self, name: String, path: Vec<String>) -> wasmtime::Result<()> {
        self.only_in_configure("hook-needs.needs-param")?;
        self.declared.mentions.keep(Mention { what: Mentioned::NeededParam, name, path });
        Ok(())
    }

    fn reads_param(&mut self, name: String, path: Vec<String>) -> wasmtime::Result<()> {
        self.only_in_configure("hook-needs.reads-param")?;
        self.declared.mentions.keep(Mention { what: Mentioned::Param, name, path });
        Ok(())
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

fn unreadable(name: &str, why: &HeaderError) -> String {
    match why {
        HeaderError::Hidden => ungranted(name, "read"),
        _ => no_name(name),
    }
}

fn unwritable(name: &str, why: &EditError) -> String {
    match why {
        EditError::Hidden => ungranted(name, "write"),
        EditError::Reserved => format!("`{name}` is kept by the host, no plugin can change it"),
        _ => no_name(name),
    }
}

fn ungranted(name: &str, verb: &str) -> String {
    format!(
        "header `{name}` is not granted: add headers = {{ {verb} = [\"{name}\"] }} to the plugin's grants"
    )
}

fn no_name(name: &str) -> String {
    format!("`{name}` is not a header name")
}
