//! `hook-needs`.

use wasmtime::bail;

use crate::plugin::{
    bindings::hook_needs::{Hooks, Host},
    state::{Phase, State},
};

impl Host for State {
    fn skip(&mut self, hooks: Hooks) -> wasmtime::Result<()> {
        match self.phase {
            Phase::Configure => self.skipped |= hooks,
            _ => bail!("hook-needs.skip was called outside of configure"),
        }
        Ok(())
    }
}
