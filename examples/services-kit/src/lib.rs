//! What the examples' sample services have in common.
//!
//! A program of sample services is a list of addresses, and a function for each that answers:
//!
//! ```no_run
//! use services_kit::{Service, reply};
//!
//! services_kit::run("shop-services", vec![
//!     Service::new("127.0.0.1:9201", |_| reply::text(200, "hello\n")),
//! ]);
//! ```
//!
//! Beside what the function answers, each has `/healthz`, and `/mode` if it [`takes`](Service::takes)
//! its time.

mod mode;
pub mod reply;
mod server;

use std::{io, process::ExitCode, thread};

use tokio::{net::TcpListener, sync::oneshot};

pub use hyper::{HeaderMap, body::Bytes};
pub use reply::Reply;
pub use server::Service;

/// A request whose body is all there.
pub type Request = hyper::Request<Bytes>;

/// Serves until stdin closes. Prints `ready` when every service listens.
///
/// `name` is the program's: for its messages, and for the `server` header of its replies.
pub fn run(name: &'static str, services: Vec<Service>) -> ExitCode {
    match serve(name, services) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(name: &'static str, services: Vec<Service>) -> Result<(), String> {
    let mut listeners = Vec::new();
    // All of them first: with some of the services there is nothing to show.
    for service in &services {
        listeners.push(bind(service.address()).await?);
    }
    for (service, listener) in services.into_iter().zip(listeners) {
        tokio::spawn(service.serve(listener, name));
    }
    println!("ready");
    stdin_closes().await;
    Ok(())
}

async fn bind(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is taken: something else listens there, perhaps another demo")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// Whoever started this holds the other end, so it closes even if they die.
async fn stdin_closes() {
    let (closed, wait) = oneshot::channel();
    // A thread of its own: a runtime would wait for a read of its own to end before it does.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = wait.await;
}
