//! One address, one socket for each worker.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel holds for us. It caps this by `net.core.somaxconn`, 4096 on Linux.
pub(super) const BACKLOG: i32 = 4096;

/// Why an address cannot be had.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    why: io::Error,
}

/// Binds `address` once for each of `sockets` workers: the kernel spreads connections over them, and
/// nothing is shared between the workers.
///
/// The first socket is bound and listens without `SO_REUSEPORT`, so that it has the address to
/// itself or fails: a second torana is refused, where with `SO_REUSEPORT` it would take half of the
/// first one's connections. Then the option is set on it, and the others join. (A probe that is
/// bound and closed again would leave a moment for another process; and binding alone is not
/// enough, for with `SO_REUSEADDR` two sockets may be bound as long as neither listens.)
pub fn bind(address: SocketAddr, sockets: usize) -> Result<Vec<TcpListener>, BindError> {
    let failed = |why| BindError { address, why };
    let first = listen(address, false).map_err(failed)?;
    first.set_reuse_port(true).map_err(failed)?;
    let first = TcpListener::from(first);
    // Port 0 is a port by now.
    let address = first.local_addr().map_err(failed)?;
    let mut all = vec![first];
    while all.len() < sockets {
        // Where the kernel has other rules, the workers take turns at one socket.
        let next = match listen(address, true) {
            Ok(socket) => socket.into(),
            Err(_) => all[0].try_clone().map_err(failed)?,
        };
        all.push(next);
    }
    Ok(all)
}

fn listen(address: SocketAddr, reuse_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last one's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, why } = self;
        match why.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "{address} is already in use: another process listens there, perhaps another \
                 torana. `ss -ltnp 'sport = :{}'` shows which; stop it, or choose another address",
                address.port()
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "this machine has no address {}: choose one that `ip addr` shows, or {} for all",
                address.ip(),
                if address.is_ipv4() { "0.0.0.0" } else { "[::]" }
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "{address} may not be bound: ports below 1024 need the capability \
                 CAP_NET_BIND_SERVICE, or choose a higher one"
            ),
            _ => write!(f, "{address} cannot be bound: {why}"),
        }
    }
}

impl std::error::Error for BindError {}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn any_port() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn workers_share_an_address() {
        let sockets = bind(any_port(), 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == address));
        // Each gets some of a hundred; the kernel spreads by a hash of the client's port.
        let clients = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect::<Vec<_>>();
        let accepted = |socket: &TcpListener| socket.incoming().take_while(Result::is_ok).count();
        let counts = sockets.iter().map(accepted).collect::<Vec<_>>();
        assert_eq!(counts.iter().sum::<usize>(), 100);
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        drop(clients);
    }

    #[test]
    fn a_second_one_is_refused() {
        let sockets = bind(any_port(), 2).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let error = bind(address, 2).unwrap_err().to_string();
        let expected = format!("{address} is already in use: another process listens there");
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let error = bind("192.0.2.1:8080".parse().unwrap(), 1).unwrap_err().to_string();
        assert!(error.starts_with("this machine has no address 192.0.2.1"), "{error}");
    }
}
