//! HTTP/1.1 on a listener.

use std::{convert::Infallible, time::Duration};

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::reply::{self, Reply};

/// Answers a request whose body is all there.
pub(crate) type Answer = fn(&Request<Bytes>) -> Reply;

const MAX_BODY: usize = 1 << 20;

/// Serves until the program ends.
pub(crate) async fn serve(listener: TcpListener, answer: Answer) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, answer))),
            // Most likely there are no file descriptors left: let others finish.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, answer: Answer) {
    let service = service_fn(async |request| Ok::<_, Infallible>(respond(request, answer).await));
    // It ends with an error where the other side goes away: nobody is there to be told.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(request: Request<Incoming>, answer: Answer) -> Reply {
    if request.uri().path() == "/healthz" {
        return reply::text("ok\n");
    }
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => answer(&Request::from_parts(head, body.to_bytes())),
        Err(_) => reply::status(413),
    }
}
