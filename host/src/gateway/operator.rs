//! The admin listener, as a part of the gateway: bound with it, handed over with it.

use std::{io, os::fd::OwnedFd, sync::Arc};

use arc_swap::ArcSwap;
use tokio::task::AbortHandle;

use super::sockets::{Held, Sockets};
use crate::{
    admin::{AdminListener, AdminState, Leaving, Status},
    config::{Config, Span},
    listener,
    telemetry::Telemetry,
};

/// What its socket is called, for a successor and for a supervisor.
const NAME: &str = "admin";

/// A bound admin listener.
pub(super) struct AdminDoor {
    /// For a successor.
    sockets: Held,
    listener: Option<AdminListener>,
    serving: Option<AbortHandle>,
    leaving: Leaving,
}

impl AdminDoor {
    /// Binds the address, if the file has one and there is no socket for it.
    pub(super) fn bind(
        config: &Config,
        given: &mut Sockets,
    ) -> Result<Option<Self>, (Span, String)> {
        let Some(admin) = &config.admin else { return Ok(None) };
        let sockets = match given.take(NAME, admin.address) {
            Some(held) => held,
            None => {
                let bound = listener::bind(admin.address, 1);
                let bound = bound.map_err(|why| (admin.address_span, why.to_string()))?;
                Held::bound(NAME, bound)
            }
        };
        guarded(&sockets, config)?;
        let listener = sockets.listeners[0].try_clone().and_then(AdminListener::new);
        let listener = listener.map_err(|why| {
            (admin.address_span, format!("the admin listener cannot be served: {why}"))
        })?;
        let leaving = Leaving::default();
        Ok(Some(Self { sockets, listener: Some(listener), serving: None, leaving }))
    }

    /// Whether a configuration that is about to be taken may be served here.
    pub(super) fn may_serve(&self, config: &Config) -> Result<(), (Span, String)> {
        guarded(&self.sockets, config)
    }

    /// Begins to answer.
    pub(super) fn open(&mut self, telemetry: &Arc<Telemetry>, status: &Arc<ArcSwap<Status>>) {
        let state = AdminState {
            telemetry: telemetry.clone(),
            status: status.clone(),
            leaving: self.leaving.clone(),
        };
        let serving = self.listener.take().map(|listener| tokio::spawn(listener.serve(state)));
        self.serving = serving.map(|serving| serving.abort_handle());
    }

    /// Its sockets once more, for a successor.
    pub(super) fn share(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        self.sockets.share()
    }

    /// Goes on answering, and says that this gateway is not ready any more.
    pub(super) fn say_no(&self) {
        self.leaving.say();
    }

    /// Accepts nothing more.
    pub(super) fn close(&self) {
        self.serving.iter().for_each(AbortHandle::abort);
    }
}

/// The file was held against the address that stands in it; a socket that somebody else has bound may
/// be at another one.
fn guarded(sockets: &Held, config: &Config) -> Result<(), (Span, String)> {
    let Some(admin) = config.admin.as_ref().filter(|admin| admin.token.is_none()) else {
        return Ok(());
    };
    let bound = sockets.listeners.iter().filter_map(|socket| socket.local_addr().ok());
    match bound.map(|address| address.ip()).find(|ip| !ip.is_loopback()) {
        None => Ok(()),
        Some(ip) => Err((
            admin.address_span,
            format!(
                "the socket that was given for [admin] is at {ip}, where others can reach it: \
                     that needs a token"
            ),
        )),
    }
}
