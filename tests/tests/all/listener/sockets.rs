//! Listening sockets that a supervisor opens, as systemd does.

use std::net::{SocketAddr, TcpListener};

use torana_tests::{Backend, Client, Setup, raw, reply, toml};

fn listening() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

#[tokio::test]
async fn a_listener_takes_the_socket_of_its_name() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let (public, address) = listening();
    let (admin, admin_address) = listening();
    let setup = Setup::new(&toml::proxy(backend.address()));
    let setup = setup.socket("public", public.try_clone().expect("a copy"));
    let gateway = setup.socket("admin", admin).start().await;
    assert_eq!((gateway.address("public"), gateway.address("admin")), (address, admin_address));
    // Two workers take turns at one queue.
    for _ in 0..50 {
        assert_eq!(Client::new(address).get("/a").await.text(), "ok");
    }
    assert_eq!(gateway.stop().await.code(), Some(0));
    // Whoever comes while nobody serves waits for the next, for the supervisor has it open.
    let waiting = tokio::spawn(raw(address, "GET /a HTTP/1.0\r\n\r\n"));
    let setup = Setup::new(&toml::proxy(backend.address()));
    let _gateway = setup.socket("public", public).start().await;
    let answer = waiting.await.expect("an answer");
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn a_socket_of_the_supervisor_is_handed_over_wherever_it_listens() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let (public, address) = listening();
    // Its name is enough; that the file has another address does not count.
    let elsewhere = "[listen.public]\naddress = \"127.0.0.2:1\"";
    let toml = toml::proxy(backend.address());
    let toml = toml.replace("[listen.public]\naddress = \"127.0.0.1:0\"", elsewhere);
    let mut gateway = Setup::new(&toml).socket("public", public).start().await;
    for _ in 0..2 {
        gateway.hand_over().await;
        assert_eq!(Client::new(address).get("/a").await.text(), "ok");
    }
}

#[tokio::test]
async fn a_listener_takes_the_socket_of_its_address() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let (public, address) = listening();
    let toml = toml::proxy(backend.address());
    let toml = toml.replace(
        "[listen.public]\naddress = \"127.0.0.1:0\"",
        &format!("[listen.public]\naddress = \"{address}\""),
    );
    let gateway = Setup::new(&toml).socket("torana.socket", public).start().await;
    assert_eq!(gateway.address("public"), address);
    assert_eq!(gateway.client().get("/a").await.text(), "ok");
}

#[tokio::test]
async fn a_socket_that_nobody_wants_is_told_of() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let (other, address) = listening();
    let gateway = Setup::new(&toml::proxy(backend.address())).socket("other", other).start().await;
    let is_it = |line: &str| line.contains("no listener has this name or this address");
    let line = gateway.wait_for_log("a warning", is_it).await;
    assert!(line.contains("other") && line.contains(&address.to_string()), "{line}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it is closed");
}

#[tokio::test]
async fn sockets_of_another_process_are_left_alone() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let setup = Setup::new(&toml::proxy(backend.address()));
    let setup = setup.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    assert_eq!(setup.start().await.client().get("/a").await.text(), "ok");
}

#[tokio::test]
async fn an_admin_socket_that_others_can_reach_needs_a_token_whatever_the_file_says() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    // Nobody connects to it.
    let open = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let setup = Setup::new(&toml::proxy(backend.address())).socket("admin", open);
    let mut gateway = setup.spawn();
    assert_eq!(gateway.ended().await.code(), Some(1));
    gateway.wait_for_log("why", |line| line.contains("that needs a token")).await;
}
