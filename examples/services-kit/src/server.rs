//! HTTP/1.1 on a listener.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    body::Incoming,
    header::{HeaderValue, SERVER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    Request,
    mode::Modes,
    reply::{self, Reply},
};

const MAX_BODY: usize = 1 << 20;

/// A service: where it listens, and what it answers.
pub struct Service {
    address: &'static str,
    answer: Answer,
    modes: Option<Arc<Modes>>,
}

pub(crate) type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Service {
    /// A service at `address`, IP and port.
    pub fn new(
        address: &'static str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self { address, answer: Arc::new(answer), modes: None }
    }

    /// Makes it take so long for each answer, and lets it be slow or down: `POST /mode/slow`,
    /// `/mode/down`, and `/mode/well` again.
    pub fn takes(mut self, time: Duration) -> Self {
        self.modes = Some(Arc::new(Modes::new(time)));
        self
    }

    pub(crate) fn address(&self) -> &'static str {
        self.address
    }

    /// Serves until the program ends.
    pub(crate) async fn serve(self, listener: TcpListener, program: &'static str) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (answer, modes) = (self.answer.clone(), self.modes.clone());
                    tokio::spawn(connection(stream, answer, modes, program));
                }
                // Most likely there are no file descriptors left: let others finish.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    answer: Answer,
    modes: Option<Arc<Modes>>,
    program: &'static str,
) {
    let service = service_fn(async |request| {
        let mut reply = respond(request, &answer, modes.as_deref()).await;
        // Tells more than a client needs to know, as services do: something for a gateway to
        // take off.
        reply.headers_mut().insert(SERVER, HeaderValue::from_static(program));
        Ok::<_, Infallible>(reply)
    });
    // It ends with an error where the other side goes away: nobody is there to be told.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    request: hyper::Request<Incoming>,
    answer: &Answer,
    modes: Option<&Modes>,
) -> Reply {
    if request.uri().path() == "/healthz" {
        return reply::text(200, "ok\n");
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return reply::status(413);
    };
    let request = Request::from_parts(head, body.to_bytes());
    match modes {
        Some(modes) => modes.answer(&request, answer).await,
        None => answer(&request),
    }
}
