use std::fmt::Display;

use super::Level;

/// Writes to the gateway's log; the host adds plugin, route and request id.
pub trait Log {
    /// Writes one line, cut at 8 KiB.
    fn write(&self, level: Level, message: &str);
    /// Whether a message of this level would be written.
    fn enabled(&self, level: Level) -> bool;

    /// Writes one line if its level is on; if not, the message is not even made.
    fn at(&self, level: Level, message: impl Display) {
        if self.enabled(level) {
            self.write(level, &message.to_string());
        }
    }
    /// Something that went wrong.
    fn error(&self, message: impl Display) {
        self.at(Level::Error, message);
    }
    /// Something that an operator should look at.
    fn warn(&self, message: impl Display) {
        self.at(Level::Warn, message);
    }
    /// Something worth knowing.
    fn info(&self, message: impl Display) {
        self.at(Level::Info, message);
    }
    /// Something that helps to find a mistake.
    fn debug(&self, message: impl Display) {
        self.at(Level::Debug, message);
    }
    /// Every step.
    fn trace(&self, message: impl Display) {
        self.at(Level::Trace, message);
    }
}

/// The time.
pub trait Clock {
    /// Milliseconds since 1970-01-01T00:00Z.
    fn unix_millis(&self) -> u64;
    /// Nanoseconds since some moment in the past, never going back.
    fn monotonic_nanos(&self) -> u64;
}

/// Random numbers that are fit for keys.
pub trait Random {
    /// At most 64 KiB of random bytes.
    fn bytes(&self, length: u32) -> Vec<u8>;
    /// 32 random bits.
    fn number(&self) -> u32;
}

/// Numbers of the plugin's own for `/metrics`. A plugin may use 32 names.
pub trait Metrics {
    /// Adds to the counter `torana_plugin_custom_total{plugin,route,name}`.
    fn count(&self, name: &str, by: u64);
    /// Sets the gauge `torana_plugin_value{plugin,name}`.
    fn gauge(&self, name: &str, value: f64);
}
