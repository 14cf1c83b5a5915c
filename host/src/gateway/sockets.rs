//! Listening sockets that this process has from another: from a supervisor that opened them (systemd's
//! socket activation, sd_listen_fds(3)), or from the torana whose place it takes (`successor`).

use std::{
    env, io,
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use listenfd::ListenFd;
use socket2::{Domain, SockRef, Type};
use tracing::warn;

use super::successor::{self, Predecessor};

/// Sockets that wait for the listeners that they are for.
#[derive(Default)]
pub struct Sockets(Vec<Socket>);

struct Socket {
    name: String,
    address: SocketAddr,
    /// A supervisor opened it, for us or for a torana before us.
    supervised: bool,
    listener: TcpListener,
}

/// What stands before the name of a supervised socket that is handed over. No listener can be
/// called so.
const SUPERVISED: &str = "supervised/";

impl Sockets {
    /// Takes what the environment speaks of, and the variables with it: to be called once, while
    /// the process has one thread.
    ///
    /// Gives the torana whose place this one takes as well, if there is one.
    pub fn from_environment() -> Result<(Self, Option<Predecessor>), String> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut given = ListenFd::from_env();
        let (mut sockets, mut predecessor) = (Vec::new(), None);
        for index in 0..given.len() {
            // systemd's word for one without a name.
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown");
            let failed = |why| format!("the socket {index} (`{name}`) cannot be taken: {why}");
            if name == successor::LINE {
                let line = given.take_custom::<UnixStream>(
                    index,
                    Domain::UNIX.into(),
                    Type::STREAM.into(),
                    "unix stream socket",
                );
                predecessor = line.map_err(failed)?.map(Predecessor::new);
            } else if let Some(listener) = given.take_tcp_listener(index).map_err(failed)? {
                sockets.push(Socket::new(name, listener).map_err(failed)?);
            }
        }
        if predecessor.is_none() {
            sockets.iter_mut().for_each(|socket| socket.supervised = true);
        }
        Ok((Self(sockets), predecessor))
    }

    /// Takes those of a listener, if there are any.
    pub(super) fn take(&mut self, name: &str, address: SocketAddr) -> Option<Held> {
        let its = self.0.extract_if(.., |socket| socket.is_of(name, address));
        let (supervised, listeners): (Vec<_>, Vec<_>) =
            its.map(|socket| (socket.supervised, socket.listener)).unzip();
        let prefix = if supervised.contains(&true) { SUPERVISED } else { "" };
        (!listeners.is_empty()).then(|| Held { label: format!("{prefix}{name}"), listeners })
    }

    /// Closes what no listener took.
    pub(super) fn close_rest(&mut self) {
        for Socket { name, address, .. } in self.0.drain(..) {
            warn!(socket = name, %address, "no listener has this name or this address: closed");
        }
    }
}

impl Socket {
    fn new(label: &str, listener: TcpListener) -> io::Result<Self> {
        if !SockRef::from(&listener).is_listener()? {
            return Err(io::Error::other("it does not listen; a systemd socket needs Accept=no"));
        }
        listener.set_nonblocking(true)?;
        let (name, supervised) = match label.strip_prefix(SUPERVISED) {
            Some(name) => (name, true),
            None => (label, false),
        };
        let address = listener.local_addr()?;
        Ok(Self { name: name.to_owned(), address, supervised, listener })
    }

    /// A supervisor's are a listener's by name or by address. Those that a torana bound must have
    /// both, for the address in the file may be another one by now.
    fn is_of(&self, name: &str, address: SocketAddr) -> bool {
        let named = self.name == name;
        match self.supervised {
            true => named || (self.fits(address) && address.port() != 0),
            false => named && self.fits(address),
        }
    }

    /// Port 0 is any.
    fn fits(&self, wanted: SocketAddr) -> bool {
        let port = wanted.port() == 0 || wanted.port() == self.address.port();
        port && wanted.ip() == self.address.ip()
    }
}

/// The sockets of one listener, as long as this process serves.
pub(super) struct Held {
    /// What a successor knows them by.
    label: String,
    /// At least one.
    pub(super) listeners: Vec<TcpListener>,
}

impl Held {
    /// Those that this process bound.
    pub(super) fn bound(name: &str, listeners: Vec<TcpListener>) -> Self {
        Self { label: name.to_owned(), listeners }
    }

    /// All of them once more, each with its label, for a successor.
    pub(super) fn share(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        let share = |socket: &TcpListener| Ok((self.label.clone(), socket.try_clone()?.into()));
        self.listeners.iter().map(share).collect()
    }
}

/// Gives each worker its sockets. Where there are fewer than workers some share one, and accept from
/// its queue in turns; where there are more, some have several.
pub(super) fn deal(sockets: &[TcpListener], workers: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let mut hands: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    for turn in 0..sockets.len().max(workers) {
        hands[turn % workers].push(sockets[turn % sockets.len()].try_clone()?);
    }
    Ok(hands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn sockets(labels: &[&str]) -> (Sockets, Vec<SocketAddr>) {
        let socket = |label: &&str| Socket::new(label, listening()).unwrap();
        let all: Vec<_> = labels.iter().map(socket).collect();
        let addresses = all.iter().map(|socket| socket.address).collect();
        (Sockets(all), addresses)
    }

    fn found(sockets: &mut Sockets, name: &str, address: SocketAddr) -> usize {
        sockets.take(name, address).map_or(0, |held| held.listeners.len())
    }

    #[test]
    fn a_supervisors_socket_has_the_name_or_the_address() {
        let any = "127.0.0.1:0".parse().unwrap();
        let (mut given, addresses) = sockets(&["a", "b", "unknown", "unknown"]);
        given.0.iter_mut().for_each(|socket| socket.supervised = true);
        assert_eq!(found(&mut given, "a", addresses[1]), 2, "`a`, and the one at its address");
        assert_eq!(found(&mut given, "a", addresses[0]), 0, "they are taken");
        assert_eq!(given.take("c", addresses[2]).unwrap().label, "supervised/c");
        assert_eq!(found(&mut given, "d", any), 0, "any port is not every port");
        assert_eq!(given.0.len(), 1);
    }

    #[test]
    fn a_predecessors_socket_has_the_name_and_the_address() {
        let any = "127.0.0.1:0".parse().unwrap();
        let (mut given, addresses) = sockets(&["a", "a", "b", "c", "supervised/d"]);
        assert_eq!(found(&mut given, "a", any), 2);
        assert_eq!(found(&mut given, "b", addresses[3]), 0);
        assert_eq!(found(&mut given, "b", "127.0.0.2:0".parse().unwrap()), 0);
        assert_eq!(given.take("b", addresses[2]).unwrap().label, "b");
        // What a supervisor opened stays where it is, whoever has it.
        let held = given.take("d", addresses[0]).unwrap();
        assert_eq!(held.share().unwrap()[0].0, "supervised/d");
    }

    #[test]
    fn a_connection_is_no_listening_socket() {
        let listener = listening();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let client = TcpListener::from(std::os::fd::OwnedFd::from(client));
        assert!(Socket::new("a", client).err().unwrap().to_string().contains("Accept=no"));
    }

    #[test]
    fn every_worker_has_a_socket_and_every_socket_a_worker() {
        for (sockets, workers) in [(1, 1), (1, 4), (2, 3), (3, 2), (4, 4), (5, 2)] {
            let sockets: Vec<_> = (0..sockets).map(|_| listening()).collect();
            let hands = deal(&sockets, workers).unwrap();
            assert_eq!(hands.len(), workers);
            assert!(hands.iter().all(|hand| !hand.is_empty()));
            for socket in &sockets {
                let address = socket.local_addr().unwrap();
                let is_it = |one: &TcpListener| one.local_addr().unwrap() == address;
                assert!(hands.iter().flatten().any(is_it));
            }
        }
    }
}
