//! A connection that comes back by itself. Each worker has one of its own, which lives on its
//! runtime; a request crosses no thread to reach the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use redis::{Cmd, Value, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    backoff::Backoff,
    failure::{Failure, of_redis},
    numbers::Numbers,
    server::{Connected, Server},
};

/// The link of one thread.
pub(super) struct Link {
    index: usize,
    server: Arc<Server>,
    numbers: Arc<Numbers>,
    started: AtomicBool,
    state: watch::Sender<State>,
    /// The connection of this number is not to be used any more.
    broken: watch::Sender<u64>,
}

#[derive(Clone)]
enum State {
    /// Nobody knows yet: a first connection is on its way.
    Connecting,
    Up(u64, MultiplexedConnection),
    Down,
}

impl Link {
    pub(super) fn new(index: usize, server: Arc<Server>, numbers: Arc<Numbers>) -> Self {
        let (state, broken) = (watch::Sender::new(State::Connecting), watch::Sender::new(0));
        Self { index, server, numbers, started: AtomicBool::new(false), state, broken }
    }

    /// Connects, on this thread's runtime, unless that was begun before.
    pub(super) fn start(self: &Arc<Self>) {
        if !self.started.load(Relaxed) && !self.started.swap(true, Relaxed) {
            tokio::spawn(self.clone().keep());
        }
    }

    /// The number of the connection, if there is one; waits for the first attempt to get one.
    pub(super) async fn number(self: &Arc<Self>) -> Option<u64> {
        self.start();
        match self.wait(|state| !matches!(state, State::Connecting)).await {
            State::Up(number, _) => Some(number),
            State::Connecting | State::Down => None,
        }
    }

    /// Waits until there is a connection.
    pub(super) async fn until_up(&self) {
        self.wait(|state| matches!(state, State::Up(..))).await;
    }

    /// Waits until the connection of this number is gone, though another one may be there.
    pub(super) async fn until_gone(&self, number: u64) {
        self.wait(|state| !matches!(state, State::Up(there, _) if *there == number)).await;
    }

    /// Sends a command and waits for its answer. It takes no longer than the timeout, and is over
    /// at once while the store is down.
    pub(super) async fn call(self: &Arc<Self>, command: &Cmd) -> Result<Value, Failure> {
        self.start();
        let (began, limit) = (Instant::now(), self.server.timeout());
        let answer = timeout(limit, self.send(command)).await;
        let answer = answer.unwrap_or_else(|_| {
            self.give_up();
            Err(Failure::Timeout(limit))
        });
        self.numbers.round_trip(&answer, began.elapsed());
        answer
    }

    async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        let mut connection = self.connection().await?;
        command.query_async(&mut connection).await.map_err(of_redis)
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Failure> {
        match self.wait(|state| !matches!(state, State::Connecting)).await {
            State::Up(_, connection) => Ok(connection),
            State::Connecting | State::Down => Err(Failure::Down),
        }
    }

    async fn wait(&self, wanted: impl Fn(&State) -> bool) -> State {
        let now = self.state.borrow().clone();
        if wanted(&now) {
            return now;
        }
        let mut state = self.state.subscribe();
        // Its sender lives as long as this does, so there is a state to come.
        let state = state.wait_for(|state| wanted(state)).await;
        state.map_or(State::Down, |state| state.clone())
    }

    /// What is silent is not waited for again by those who come next.
    fn give_up(&self) {
        if let State::Up(number, _) = *self.state.borrow() {
            self.broken.send_replace(number);
        }
        self.state.send_if_modified(|state| {
            let waits = matches!(state, State::Connecting);
            if waits {
                *state = State::Down;
            }
            waits
        });
    }

    async fn keep(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        for number in 1.. {
            let why = match self.server.connect().await {
                Ok(connected) => {
                    let why = self.carry(number, connected, &mut backoff).await;
                    self.state.send_replace(State::Down);
                    why
                }
                Err(failure) => {
                    self.state.send_replace(State::Down);
                    failure
                }
            };
            self.numbers.down(self.index, &why);
            sleep(backoff.next()).await;
        }
    }

    /// Until the connection is over; gives why.
    async fn carry(
        &self,
        number: u64,
        (connection, driver): Connected,
        backoff: &mut Backoff,
    ) -> Failure {
        let began = Instant::now();
        let mut broken = self.broken.subscribe();
        self.state.send_replace(State::Up(number, connection));
        self.numbers.up(self.index);
        let why = tokio::select! {
            () = driver => Failure::Broken("the connection was closed".into()),
            _ = broken.wait_for(|broken| *broken == number) => {
                Failure::Timeout(self.server.timeout())
            }
        };
        // One that is taken and then closed or silent is no better than none.
        if began.elapsed() > STEADY {
            backoff.reset();
        }
        why
    }
}

/// A connection that lasted longer than this was a good one.
const STEADY: Duration = Duration::from_secs(1);
