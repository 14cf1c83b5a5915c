//! Two small services to put a gateway in front of: each listens on a port of its own, and runs
//! until stdin closes.

mod greeter;
mod inventory;
mod reply;
mod server;

use std::{io, process::ExitCode, thread};

use tokio::{net::TcpListener, sync::oneshot};

const GREETER: &str = "127.0.0.1:9101";
const INVENTORY: &str = "127.0.0.1:9102";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hello-services: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    // Both first: with one of two services there is nothing to show.
    let (greeter, inventory) = (bind(GREETER).await?, bind(INVENTORY).await?);
    tokio::spawn(server::serve(greeter, greeter::answer));
    tokio::spawn(server::serve(inventory, inventory::answer));
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
