//! What a running gateway is asked for: by signals, which are the only wishes of others, or by a file that
//! has changed.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the process is asked for.
pub(super) enum Wish {
    /// SIGHUP: another configuration, and other files for the logs.
    HangUp,
    /// A file of the configuration has changed.
    Reload,
    /// SIGUSR2: another process.
    Replace,
    /// SIGTERM, SIGINT.
    Stop,
}

/// Signals that are waited for.
pub(super) struct Signals {
    hangup: Signal,
    user2: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on none is lost.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            user2: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hangup.recv() => Wish::HangUp,
            _ = self.user2.recv() => Wish::Replace,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
        }
    }

    /// The next one that asks for the end; others are left for later.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
