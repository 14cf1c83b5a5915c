//! The admin listener, as a part of the gateway: bound with it, handed over with it.

use std::{io, os::fd::OwnedFd, sync::Arc};

use tokio::task::AbortHandle;

use super::sockets::Sockets;
use crate::{
    admin::{self, AdminListener, AdminState},
    config::{Config, Span},
    telemetry::Telemetry,
};

/// What its socket is called, for a successor and for a supervisor.
const NAME: &str = "admin";

/// A bound admin listener.
pub(super) struct AdminDoor {
    /// The socket once more, for a successor.
    socket: OwnedFd,
    listener: Option<AdminListener>,
    serving: Option<AbortHandle>,
}

impl AdminDoor {
    /// Binds the address, if the file has one and there is no socket for it.
    pub(super) fn bind(
        config: &Config,
        given: &mut Sockets,
    ) -> Result<Option<Self>, (Span, String)> {
        let Some(admin) = &config.admin else { return Ok(None) };
        let listener = admin::bind(admin, given.take(NAME, admin.address).pop())?;
        let socket = listener.share().map_err(|why| {
            (admin.address_span, format!("its socket cannot be handed over: {why}"))
        })?;
        Ok(Some(Self { socket, listener: Some(listener), serving: None }))
    }

    /// Begins to answer.
    pub(super) fn open(&mut self, telemetry: &Arc<Telemetry>) {
        let state = AdminState { telemetry: telemetry.clone() };
        let serving = self.listener.take().map(|listener| tokio::spawn(listener.serve(state)));
        self.serving = serving.map(|serving| serving.abort_handle());
    }

    /// The socket and its name.
    pub(super) fn share(&self) -> io::Result<(String, OwnedFd)> {
        Ok((NAME.to_owned(), self.socket.try_clone()?))
    }

    /// Accepts nothing more.
    pub(super) fn close(&self) {
        self.serving.iter().for_each(AbortHandle::abort);
    }
}
