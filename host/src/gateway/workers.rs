//! placeholder
use std::{sync::Arc, time::Duration, thread};
use crate::{config::{Config, Span}, listener, proxy::{Entrance, Proxy}, worker};
pub(super) struct Workers;
impl Workers {
    pub(super) fn start(config: &Config, proxy: &Arc<Proxy>) -> Result<Self, (Span, String)> {
        for index in 1..=config.gateway.workers {
            let mut bound = Vec::new();
            for l in &config.listeners {
                let socket = listener::bind(l.address).map_err(|e| (l.address_span.clone(), e.to_string()))?;
                if index == 1 { tracing::info!(listener = &*l.name, address = %socket.local_addr().unwrap(), "listening"); }
                let entrance = Arc::new(Entrance { listener: l.name.clone(), limits: l.limits.clone(), trusted_proxies: l.trusted_proxies.clone() });
                bound.push((socket, entrance));
            }
            let proxy = proxy.clone();
            thread::spawn(move || {
                worker::enter(index);
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
                    for (socket, entrance) in bound {
                        let proxy = proxy.clone();
                        tokio::spawn(listener::serve(socket, Arc::new(move |request, peer| {
                            let (proxy, entrance) = (proxy.clone(), entrance.clone());
                            async move { proxy.serve(request, &entrance, peer, None).await }
                        })));
                    }
                    std::future::pending::<()>().await
                });
            });
        }
        Ok(Self)
    }
    pub(super) async fn drain(self, _: Duration) {}
}
