//! Listening sockets that this process has from another: from a supervisor that opened them (systemd's
//! socket activation, sd_listen_fds(3)), or from the torana whose place it takes (`successor`).

use std::{
    env, io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
};

use listenfd::ListenFd;
use socket2::{Domain, SockRef, Type};
use tracing::warn;

use super::successor::{self, Predecessor};

/// Sockets that wait for the listeners that they are for.
#[derive(Default)]
pub struct Sockets {
    all: Vec<Socket>,
    /// They were those of another torana.
    inherited: bool,
}

struct Socket {
    name: String,
    address: SocketAddr,
    listener: TcpListener,
}

impl Sockets {
    /// Takes what the environment speaks of, and the variables with it: to be called once, while
    /// the process has one thread.
    ///
    /// Gives the torana whose place this one takes as well, if there is one.
    pub fn from_environment() -> Result<(Self, Option<Predecessor>), String> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut given = ListenFd::from_env();
        let (mut sockets, mut predecessor) = (Self::default(), None);
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
                sockets.all.push(Socket::new(name, listener).map_err(failed)?);
            }
        }
        sockets.inherited = predecessor.is_some();
        Ok((sockets, predecessor))
    }

    /// Takes those of a listener. A supervisor's are its own by name or by address; a
    /// predecessor's must have both, for the address may have changed since.
    pub(super) fn take(&mut self, name: &str, address: SocketAddr) -> Vec<TcpListener> {
        let inherited = self.inherited;
        let is_its = |socket: &mut Socket| {
            let (named, fits) = (socket.name == name, socket.fits(address));
            if inherited { named && fits } else { named || (fits && address.port() != 0) }
        };
        self.all.extract_if(.., is_its).map(|socket| socket.listener).collect()
    }

    /// Closes what no listener took.
    pub(super) fn close_rest(&mut self) {
        for Socket { name, address, .. } in self.all.drain(..) {
            warn!(socket = name, %address, "no listener has this name or this address: closed");
        }
    }
}

impl Socket {
    fn new(name: &str, listener: TcpListener) -> io::Result<Self> {
        if !SockRef::from(&listener).is_listener()? {
            return Err(io::Error::other("it does not listen; a systemd socket needs Accept=no"));
        }
        listener.set_nonblocking(true)?;
        Ok(Self { name: name.to_owned(), address: listener.local_addr()?, listener })
    }

    /// Port 0 is any.
    fn fits(&self, wanted: SocketAddr) -> bool {
        let port = wanted.port() == 0 || wanted.port() == self.address.port();
        port && wanted.ip() == self.address.ip()
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

    fn sockets(names: &[&str]) -> (Sockets, Vec<SocketAddr>) {
        let socket = |name: &&str| Socket::new(name, listening()).unwrap();
        let all: Vec<_> = names.iter().map(socket).collect();
        let addresses = all.iter().map(|socket| socket.address).collect();
        (Sockets { all, inherited: false }, addresses)
    }

    fn found(sockets: &mut Sockets, name: &str, address: SocketAddr) -> usize {
        sockets.take(name, address).len()
    }

    #[test]
    fn a_supervisors_socket_has_the_name_or_the_address() {
        let any = "127.0.0.1:0".parse().unwrap();
        let (mut given, addresses) = sockets(&["a", "b", "unknown", "unknown"]);
        assert_eq!(found(&mut given, "a", addresses[1]), 2, "`a`, and the one at its address");
        assert_eq!(found(&mut given, "a", addresses[0]), 0, "they are taken");
        assert_eq!(found(&mut given, "c", addresses[2]), 1);
        assert_eq!(found(&mut given, "d", any), 0, "any port is not every port");
        assert_eq!(given.all.len(), 1);
    }

    #[test]
    fn a_predecessors_socket_has_the_name_and_the_address() {
        let any = "127.0.0.1:0".parse().unwrap();
        let (mut given, addresses) = sockets(&["a", "a", "b", "c"]);
        given.inherited = true;
        assert_eq!(found(&mut given, "a", any), 2);
        assert_eq!(found(&mut given, "b", addresses[3]), 0);
        assert_eq!(found(&mut given, "b", "127.0.0.2:0".parse().unwrap()), 0);
        assert_eq!(found(&mut given, "b", addresses[2]), 1);
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
