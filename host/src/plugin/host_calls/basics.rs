//! `log`, `clock`, `random` and `metrics`: what every plugin may use.

use tracing::{Level, debug, error, info, trace, warn};
use wasmtime::{bail, format_err};

use crate::{
    plugin::{
        bindings::{
            clock,
            log::{self, Level as GuestLevel},
            metrics, random,
        },
        meter,
        state::{Phase, State},
    },
    telemetry::one_line,
};

/// The longest message that a plugin can log, in bytes.
const MAX_MESSAGE: usize = 8 << 10;

/// All that it can log in one call, in bytes: it could fill the disk otherwise.
const MAX_LOGGED: usize = 64 << 10;

impl log::Host for State {
    fn write(&mut self, level: GuestLevel, message: String) -> wasmtime::Result<()> {
        if self.logged > MAX_LOGGED || !self.enabled(level)? {
            return Ok(());
        }
        let mut message = line(&message);
        self.logged += message.len();
        if self.logged > MAX_LOGGED {
            message.push_str(" [what else it logs in this call is left out]");
        }
        let plugin = &*self.context.name;
        let (route, request) = (&*self.exchange.route, &*self.exchange.id);
        let trace_id = self.exchange.trace_id().map(tracing::field::display);
        match level {
            GuestLevel::Trace => {
                trace!(target: "plugin", plugin, route, request, trace_id, "{message}")
            }
            GuestLevel::Debug => {
                debug!(target: "plugin", plugin, route, request, trace_id, "{message}")
            }
            GuestLevel::Info => {
                info!(target: "plugin", plugin, route, request, trace_id, "{message}")
            }
            GuestLevel::Warn => {
                warn!(target: "plugin", plugin, route, request, trace_id, "{message}")
            }
            GuestLevel::Error => {
                error!(target: "plugin", plugin, route, request, trace_id, "{message}")
            }
        }
        Ok(())
    }

    fn enabled(&mut self, level: GuestLevel) -> wasmtime::Result<bool> {
        Ok(match level {
            GuestLevel::Trace => tracing::enabled!(target: "plugin", Level::TRACE),
            GuestLevel::Debug => tracing::enabled!(target: "plugin", Level::DEBUG),
            GuestLevel::Info => tracing::enabled!(target: "plugin", Level::INFO),
            GuestLevel::Warn => tracing::enabled!(target: "plugin", Level::WARN),
            GuestLevel::Error => tracing::enabled!(target: "plugin", Level::ERROR),
        })
    }

    fn panicked(&mut self, message: String) -> wasmtime::Result<()> {
        self.panic = Some(line(&message));
        Ok(())
    }
}

impl clock::Host for State {
    fn unix_millis(&mut self) -> wasmtime::Result<u64> {
        Ok(self.context.wall.unix_millis())
    }

    fn monotonic_nanos(&mut self) -> wasmtime::Result<u64> {
        Ok(meter::nanos())
    }
}

impl random::Host for State {
    fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > 64 << 10 {
            bail!("random.bytes was asked for {length} bytes (at most 65536)");
        }
        let mut bytes = vec![0; length as usize];
        fill(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u32> {
        let mut bytes = [0; 4];
        fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
}

impl metrics::Host for State {
    fn count(&mut self, name: String, by: u64) -> wasmtime::Result<()> {
        if self.phase != Phase::Configure {
            let (plugin, route) = (&self.context.name, &self.exchange.route);
            self.context.telemetry.custom_count(plugin, route, &name, by);
        }
        Ok(())
    }

    fn gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        if self.phase != Phase::Configure {
            self.context.telemetry.custom_gauge(&self.context.name, &name, value);
        }
        Ok(())
    }
}

fn fill(bytes: &mut [u8]) -> wasmtime::Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| format_err!("the system gives no random bytes"))
}

/// A message as one line of the log: cut at a character's boundary, which it says, and not before control bytes
/// are written out, for one of them is five.
fn line(message: &str) -> String {
    let mut line = one_line(message).into_owned();
    if line.len() > MAX_MESSAGE {
        line.truncate(line.floor_char_boundary(MAX_MESSAGE));
        line.push_str(" [cut]");
    }
    line
}
