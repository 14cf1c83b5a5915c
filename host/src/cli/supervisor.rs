//! What a supervisor is told: sd_notify(3), which systemd asks for by `Type=notify` and
//! `Type=notify-reload`.

use std::{
    env,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

use rustix::time::{ClockId, clock_gettime};
use tracing::warn;

/// Who started us, if he wants to know.
pub(super) struct Supervisor(Option<SocketAddr>);

impl Supervisor {
    /// The one that the environment names.
    pub(super) fn of_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Self(None) };
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&name),
        };
        address.map_or_else(
            |why| {
                warn!(?name, %why, "NOTIFY_SOCKET is not the address of a socket");
                Self(None)
            },
            |address| Self(Some(address)),
        )
    }

    /// It serves, or has reloaded.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// It reloads; [`ready`](Self::ready) follows in any case.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// It stops.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Another process is the service from now on.
    pub(super) fn replaced_by(&self, pid: u32) {
        self.tell(&format!("MAINPID={pid}\nREADY=1"));
    }

    fn tell(&self, what: &str) {
        let Some(address) = &self.0 else { return };
        let told = UnixDatagram::unbound().and_then(|socket| {
            // A supervisor that does not listen must not stop us.
            socket.set_nonblocking(true)?;
            socket.send_to_addr(what.as_bytes(), address)
        });
        if let Err(why) = told {
            warn!(%why, "the supervisor at NOTIFY_SOCKET cannot be told {what:?}");
        }
    }
}
