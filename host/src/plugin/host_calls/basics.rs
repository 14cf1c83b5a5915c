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

impl log::Host for State {
    fn write(&mut self, level: GuestLevel, mut message: String) -> wasmtime::Result<()> {
        cut(&mut message);
        let message = one_line(&message);
        let plugin = &*self.context.name;
        let (route, request) = (&*self.exchange.route, &*self.exchange.id);
        match level {
            GuestLevel::Trace => trace!(target: "plugin", plugin, route, request, "{message}"),
            GuestLevel::Debug => debug!(target: "plugin", plugin, route, request, "{message}"),
            GuestLevel::Info => info!(target: "plugin", plugin, route, request, "{message}"),
            GuestLevel::Warn => warn!(target: "plugin", plugin, route, request, "{message}"),
            GuestLevel::Error => error!(target: "plugin", plugin, route, request, "{message}"),
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

    fn panicked(&mut self, mut message: String) -> wasmtime::Result<()> {
        cut(&mut message);
        self.panic = Some(one_line(&message).into_owned());
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

/// Cuts at a character's boundary, and says so.
fn cut(message: &mut String) {
    if message.len() > MAX_MESSAGE {
        let end = message.floor_char_boundary(MAX_MESSAGE);
        message.truncate(end);
        message.push_str(" [cut]");
    }
}
