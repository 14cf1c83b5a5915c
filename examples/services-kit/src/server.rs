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
    reply::{self, Reply},
};

const MAX_BODY: usize = 1 << 20;

/// A service: where it listens, and what it answers.
pub struct Service {
    address: &'static str,
    answer: Answer,
}

type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Service {
    /// A service at `address`, IP and port.
    pub fn new(
        address: &'static str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self { address, answer: Arc::new(answer) }
    }

    pub(crate) fn address(&self) -> &'static str {
        self.address
    }

    /// Serves until the program ends.
    pub(crate) async fn serve(self, listener: TcpListener, program: &'static str) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, self.answer.clone(), program));
                }
                // Most likely there are no file descriptors left: let others finish.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

async fn connection(stream: TcpStream, answer: Answer, program: &'static str) {
    let service = service_fn(async |request| {
        let mut reply = respond(request, &answer).await;
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

async fn respond(request: hyper::Request<Incoming>, answer: &Answer) -> Reply {
    if request.uri().path() == "/healthz" {
        return reply::text(200, "ok\n");
    }
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => answer(&Request::from_parts(head, body.to_bytes())),
        Err(_) => reply::status(413),
    }
}
