//! A load of so many requests a second, whatever the subject makes of it.
//!
//! A request's time counts from when it was due, not from when a connection was free for it: a subject
//! that stalls is charged for all that it kept waiting (what wrk does not, and wrk2 does). One thread,
//! over connections that are kept.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    os::fd::AsFd as _,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sched::{CpuSet, sched_setaffinity},
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        prctl::set_timerslack,
        time::TimeSpec,
    },
    unistd::Pid,
};

/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections that are kept.
pub(super) struct Clients(Vec<TcpStream>);

impl Clients {
    pub(super) fn connect(port: u16, count: usize) -> Result<Self> {
        let connect = |_| {
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("connecting")?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        Ok(Self((0..count).map(connect).collect::<Result<_>>()?))
    }

    /// Sends `rate` requests a second for a while, from `core`, over all connections in turns. Gives how
    /// long each took, ascending.
    pub(super) fn send(
        &self,
        request: &str,
        rate: f64,
        time: Duration,
        core: usize,
    ) -> Result<Vec<Duration>> {
        let paced = || -> Result<Vec<Duration>> {
            let mut cores = CpuSet::new();
            cores.set(core)?;
            sched_setaffinity(Pid::from_raw(0), &cores)?;
            // Waking up 50 us late, as the kernel may otherwise, is longer than most answers take.
            set_timerslack(1)?;
            let mut times = send(&self.0, request, rate, time)?;
            times.sort_unstable();
            Ok(times)
        };
        // On a thread of its own, which takes its core with it when it ends.
        thread::scope(|scope| scope.spawn(paced).join())
            .map_err(|_| anyhow!("the paced load panicked"))?
    }
}

/// Sends what is due over what is free, and waits for what comes first: an answer, or the next time.
fn send(clients: &[TcpStream], request: &str, rate: f64, time: Duration) -> Result<Vec<Duration>> {
    let total = (rate * time.as_secs_f64()) as usize;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (at, client) in clients.iter().enumerate() {
        epoll.add(client, EpollEvent::new(EpollFlags::EPOLLIN, at as u64))?;
    }
    let mut events = [EpollEvent::empty(); 64];
    let mut answers: Vec<Answer> = clients.iter().map(|_| Answer::default()).collect();
    let mut free: VecDeque<usize> = (0..clients.len()).collect();
    let mut waiting = VecDeque::new();
    let mut times = Vec::with_capacity(total);
    let mut sent = 0;
    let start = Instant::now();
    let due = |n: usize| start + Duration::from_secs_f64(n as f64 / rate);
    while times.len() < total {
        let now = Instant::now();
        ensure!(now < due(total) + PATIENCE, "{} of {total} were answered", times.len());
        while sent < total && due(sent) <= now {
            waiting.push_back(due(sent));
            sent += 1;
        }
        while !waiting.is_empty()
            && let Some(client) = free.pop_front()
        {
            answers[client] = Answer { due: waiting.pop_front(), ..Answer::default() };
            (&clients[client]).write_all(request.as_bytes()).context("sending")?;
        }
        wait(&epoll, if sent < total { due(sent) } else { now + PATIENCE })?;
        let ready = epoll.wait(&mut events, EpollTimeout::ZERO)?;
        for event in &events[..ready] {
            let at = event.data() as usize;
            if let Some(due) = answers[at].read(&clients[at])? {
                times.push(due.elapsed());
                free.push_back(at);
            }
        }
    }
    Ok(times)
}

/// Until there is something to read, or a time has come: to the microsecond, which epoll alone cannot.
fn wait(epoll: &Epoll, until: Instant) -> Result<()> {
    let time = TimeSpec::from_duration(until.saturating_duration_since(Instant::now()));
    ppoll(&mut [PollFd::new(epoll.0.as_fd(), PollFlags::POLLIN)], Some(time), None)?;
    Ok(())
}

/// An answer on its way.
#[derive(Default)]
struct Answer {
    /// When its request was due; none if nobody asked.
    due: Option<Instant>,
    text: Vec<u8>,
}

impl Answer {
    /// Reads what is there. With the last byte it tells when the request was due.
    fn read(&mut self, mut socket: &TcpStream) -> Result<Option<Instant>> {
        let mut piece = [0; 4096];
        match socket.read(&mut piece) {
            Ok(0) => bail!("a connection was closed"),
            Ok(bytes) => self.text.extend_from_slice(&piece[..bytes]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("reading"),
        }
        if !is_whole(&self.text)? {
            return Ok(None);
        }
        Ok(Some(self.due.take().context("an answer that nobody asked for")?))
    }
}

/// Whether an answer, which must be good, has come to its end.
fn is_whole(text: &[u8]) -> Result<bool> {
    let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200"), "a wrong answer:\n{head}");
    let body = &text[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    match length {
        Some(length) => Ok(body.len() >= length.trim().parse::<usize>()?),
        None => Ok(body.ends_with(b"0\r\n\r\n")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() {
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n").unwrap());
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").unwrap());
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab").unwrap());
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\n1\r\na\r\n").unwrap());
        assert!(is_whole(b"HTTP/1.1 200 OK\r\n\r\n1\r\na\r\n0\r\n\r\n").unwrap());
        is_whole(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").unwrap_err();
    }

    #[test]
    fn as_many_are_sent_as_are_due_and_a_stall_is_charged() {
        const CONNECTIONS: usize = 64;
        const STALL: Duration = Duration::from_millis(100);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = thread::spawn(move || {
            let sockets: Vec<_> = (0..CONNECTIONS).map(|_| listener.accept().unwrap().0).collect();
            thread::sleep(STALL);
            let answering = sockets.into_iter().map(|mut socket| {
                thread::spawn(move || {
                    let mut request = [0; 256];
                    while socket.read(&mut request).is_ok_and(|bytes| bytes > 0) {
                        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                    }
                })
            });
            answering.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
        });
        let get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let clients = Clients::connect(port, CONNECTIONS).unwrap();
        let times = clients.send(get, 1_000.0, Duration::from_millis(200), 0).unwrap();
        drop(clients);
        assert_eq!(times.len(), 200);
        assert!(times[199] > STALL / 2, "{times:?}");
        sockets.join().unwrap();
    }
}
