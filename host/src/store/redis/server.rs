//! How to come to a server: address, TLS, and who we are there.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use redis::{
    AsyncConnectionConfig, RedisConnectionInfo, Value,
    aio::{AsyncStream, MultiplexedConnection},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::failure::{Failure, of_redis};
use crate::{
    config::{Protocol, Redis, RedisAddress},
    tls,
};

/// Commands that wait to be sent over one connection; more wait for room.
const QUEUE: usize = 1024;

/// How long a connection may take at least. No request waits for it: a server that is busy when it
/// comes back must not be given up for the sake of requests.
const CONNECTING: Duration = Duration::from_secs(2);

/// A server, and what is said when a connection to it begins.
pub(super) struct Server {
    address: RedisAddress,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    login: RedisConnectionInfo,
    timeout: Duration,
}

/// A connection, and what carries it: it ends when the connection does.
pub(super) type Connected = (MultiplexedConnection, BoxFuture<'static, ()>);

impl Server {
    /// Reads the files that TLS needs.
    pub(super) fn new(settings: &Redis) -> Result<Self, String> {
        let mut login = RedisConnectionInfo::default()
            .set_db(settings.database.into())
            .set_lib_name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        if let Some(user) = &settings.user {
            login = login.set_username(user);
        }
        if let Some(password) = &settings.password {
            login = login.set_password(password);
        }
        let (address, timeout) = (settings.address.clone(), settings.timeout);
        Ok(Self { address, tls: connector(settings)?, login, timeout })
    }

    /// The longest wait of a request.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Connects, says who we are, and hears that this is enough.
    pub(super) async fn connect(&self) -> Result<Connected, Failure> {
        let limit = self.timeout.max(CONNECTING);
        timeout(limit, self.greet()).await.unwrap_or(Err(Failure::Timeout(limit)))
    }

    async fn greet(&self) -> Result<Connected, Failure> {
        let stream = self.open().await.map_err(|error| Failure::Broken(error.to_string()))?;
        let config =
            AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(QUEUE);
        let opened = MultiplexedConnection::new_with_config(&self.login, stream, config).await;
        let (mut connection, driver) = opened.map_err(of_redis)?;
        let mut driver: BoxFuture<'static, ()> = Box::pin(driver);
        // Without a password where one is needed, a connection can be had, but nothing else.
        let ping = redis::cmd("PING");
        tokio::select! {
            answer = ping.query_async::<Value>(&mut connection) => answer.map_err(of_redis)?,
            () = &mut driver => return Err(Failure::Broken("the connection was closed".into())),
        };
        Ok((connection, driver))
    }

    async fn open(&self) -> io::Result<Pin<Box<dyn AsyncStream + Send + Sync>>> {
        let (host, port) = match &self.address {
            RedisAddress::Unix(path) => return Ok(Box::pin(UnixStream::connect(path).await?)),
            RedisAddress::Tcp(host, port) => (host.as_str(), *port),
        };
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::pin(tcp),
            Some((connector, name)) => Box::pin(connector.connect(name.clone(), tcp).await?),
        })
    }
}

fn connector(settings: &Redis) -> Result<Option<(TlsConnector, ServerName<'static>)>, String> {
    let (Some(tls), RedisAddress::Tcp(host, _)) = (&settings.tls, &settings.address) else {
        return Ok(None);
    };
    let config: Arc<ClientConfig> = tls::client_config(tls, Protocol::Http1)?;
    let mut config = Arc::unwrap_or_clone(config);
    // Redis has no name among protocols.
    config.alpn_protocols.clear();
    let name = tls.sni.as_ref().unwrap_or(host).clone();
    let name = ServerName::try_from(name).map_err(|why| why.to_string())?;
    Ok(Some((TlsConnector::from(Arc::new(config)), name)))
}
