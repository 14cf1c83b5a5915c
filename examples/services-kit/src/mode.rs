//! Services that take their time, and are not always well.
//!
//! `POST /mode/slow`, `POST /mode/down`, `POST /mode/well`

use std::{
    fmt,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use crate::{
    Request,
    reply::{self, Reply},
    server::Answer,
};

/// Longer than a gateway should wait, shorter than a reader would.
const SLOW: Duration = Duration::from_secs(3);

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    Well,
    Slow,
    Down,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Well, Self::Slow, Self::Down];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.to_string() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Well => "well",
            Self::Slow => "slow",
            Self::Down => "down",
        })
    }
}

/// What stands between a request and the service's answer.
pub(crate) struct Modes {
    takes: Duration,
    mode: AtomicU8,
}

impl Modes {
    /// Well; an answer takes so long.
    pub(crate) fn new(takes: Duration) -> Self {
        Self { takes, mode: AtomicU8::new(Mode::Well as u8) }
    }

    /// Answers as the mode has it, or changes it.
    pub(crate) async fn answer(&self, request: &Request, answer: &Answer) -> Reply {
        if let Some(name) = request.uri().path().strip_prefix("/mode/") {
            return self.change(request.method().as_str(), name);
        }
        let takes = match self.mode() {
            Mode::Well => self.takes,
            Mode::Slow => SLOW,
            Mode::Down => return reply::text(503, "down\n"),
        };
        tokio::time::sleep(takes).await;
        answer(request)
    }

    fn change(&self, method: &str, name: &str) -> Reply {
        match (method, Mode::named(name)) {
            ("POST", Some(mode)) => {
                self.mode.store(mode as u8, Ordering::Relaxed);
                reply::text(200, format!("{mode}\n"))
            }
            (_, Some(_)) => reply::status(405),
            (_, None) => reply::text(404, "there are: well, slow, down\n"),
        }
    }

    fn mode(&self) -> Mode {
        Mode::ALL[usize::from(self.mode.load(Ordering::Relaxed))]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn told(modes: &Modes, method: &str, path: &str) -> u16 {
        let (mut head, body) = Request::default().into_parts();
        head.method = method.parse().unwrap();
        head.uri = path.parse().unwrap();
        let answer: Answer = Arc::new(|_| reply::status(200));
        let request = Request::from_parts(head, body);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let reply = runtime.block_on(modes.answer(&request, &answer));
        reply.status().as_u16()
    }

    #[test]
    fn a_service_is_as_it_is_told() {
        let modes = Modes::new(Duration::ZERO);
        assert_eq!(told(&modes, "GET", "/"), 200);
        assert_eq!(told(&modes, "POST", "/mode/down"), 200);
        assert_eq!(told(&modes, "GET", "/"), 503);
        assert_eq!(told(&modes, "POST", "/mode/well"), 200);
        assert_eq!(told(&modes, "GET", "/"), 200);
        assert_eq!(told(&modes, "POST", "/mode/slow"), 200);
        assert_eq!(modes.mode(), Mode::Slow);
    }

    #[test]
    fn nothing_else_changes_it() {
        let modes = Modes::new(Duration::ZERO);
        assert_eq!(told(&modes, "GET", "/mode/down"), 405);
        assert_eq!(told(&modes, "POST", "/mode/ill"), 404);
        assert_eq!(modes.mode(), Mode::Well);
    }
}
