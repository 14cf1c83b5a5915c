//! A gateway that translates between XML and JSON, in front of a service that says what it got.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use torana_tests::{Backend, Client, Gateway, Reply, reply, request, toml};

/// Requests under way at once: enough to keep both workers busy.
const AT_ONCE: usize = 16;

/// Such a gateway and its service.
pub(crate) struct Translator {
    client: Client,
    gateway: Gateway,
    _service: Backend,
}

impl Translator {
    /// `routes` are names, which are paths as well, and the plugin's settings there.
    pub(crate) async fn start(routes: &[(&str, &str)]) -> Self {
        let service = Backend::start(|received| {
            let mut answer = reply(200, received.body.clone());
            if let Some(kind) = received.headers.get("content-type") {
                answer.headers_mut().insert("content-type", kind.clone());
            }
            answer
        })
        .await;
        let mut file = [toml::LISTEN, &toml::upstream("service", service.address())].concat();
        for (name, settings) in routes {
            file += &plugin(name, settings);
            let matched = format!("match = {{ path = \"/{name}\" }}\nupstream = \"service\"");
            file += &toml::route(name, &format!("{matched}\nchain = [\"{name}\"]"));
        }
        let gateway = Gateway::start(&file).await;
        Self { client: gateway.client(), gateway, _service: service }
    }

    /// Posts all of them, and gives the replies in the same order.
    pub(crate) async fn post_all(&self, bodies: Vec<Posted>) -> Vec<Reply> {
        let replies = stream::iter(bodies).map(|posted| self.post(posted));
        replies.buffered(AT_ONCE).collect().await
    }

    async fn post(&self, posted: Posted) -> Reply {
        let Posted { route, kind, body } = posted;
        // Said in any case: an empty document is one of no bytes, not a request without one.
        let head = request("POST", &format!("/{route}")).header("content-length", body.len());
        let head = head.header("content-type", kind);
        self.client.send(head.header("accept", kind_of_service(kind)), body).await
    }

    /// Fails if a plugin crashed, ran out of its limits or failed: a refusal is none of these.
    pub(crate) fn expect_no_failure(&self) {
        let lines = self.gateway.log().lines();
        let failures: Vec<_> = lines.iter().filter(|line| line.contains(" ERROR ")).collect();
        assert!(failures.is_empty(), "{failures:#?}");
    }
}

/// What is sent.
pub(crate) struct Posted {
    pub(crate) route: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) body: Bytes,
}

/// The service speaks the other format, and its echo comes back as it is.
fn kind_of_service(kind: &str) -> &'static str {
    if kind == "application/json" { "application/xml" } else { "application/json" }
}

/// The suites are about documents, not about what the largest of them costs on a busy machine.
fn plugin(name: &str, settings: &str) -> String {
    format!(
        r#"
[plugins.{name}]
component = "xml-json"
grants = {{ request-edit = true, response-edit = true, request-body = "read-write", response-body = "read-write" }}
limits = {{ cpu = "5s" }}
config = {{ {settings} }}
"#
    )
}
