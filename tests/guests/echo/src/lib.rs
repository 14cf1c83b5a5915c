//! A handler that replies with what it sees of the request, as JSON. `attributes` in the settings
//! names those to show.

use serde_json::{Map, Value, json};
use torana_plugin_sdk::prelude::*;

/// What to show beside the request.
#[settings]
#[serde(default)]
#[derive(Default)]
struct Settings {
    /// Attributes.
    attributes: Vec<String>,
    /// Parameters of the path.
    params: Vec<String>,
    /// Do not read the body.
    head_only: bool,
}

struct Echo(Settings);

#[plugin]
impl Plugin for Echo {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn handle(&self, host: &impl Host) -> Result<Reply, Failure> {
        let request = host.request();
        let attributes = self.0.attributes.iter();
        let attributes = attributes.map(|name| (name.clone(), host.attributes().get(name).into()));
        let params = self.0.params.iter().map(|name| (name.clone(), request.param(name).into()));
        let tls = request.tls().map(|tls| {
            let certificate = tls.client_certificate.map(|der| der.len());
            json!({ "version": tls.version, "name": tls.server_name, "certificate": certificate })
        });
        let seen = json!({
            "method": request.method(),
            "scheme": request.scheme(),
            "authority": request.authority(),
            "path": request.path(),
            "query": request.query(),
            "version": request.version(),
            "client": request.client_address(),
            "tls": tls,
            "route": request.route(),
            "id": request.id(),
            "headers": headers(host)?,
            "params": params.collect::<Map<_, _>>(),
            "attributes": attributes.collect::<Map<_, _>>(),
            "body": if self.0.head_only { Value::Null } else { body(host)? },
        });
        Reply::json(200, &seen)
    }
}

fn headers(host: &impl Host) -> Result<Map<String, Value>, Failure> {
    let request = host.request();
    let mut headers = Map::new();
    for name in request.header_names() {
        headers.insert(name.clone(), request.header_values(&name)?.into());
    }
    Ok(headers)
}

fn body(host: &impl Host) -> Result<Value, Failure> {
    let bytes = host.request_body().bytes()?;
    Ok(json!({ "length": bytes.len(), "text": String::from_utf8_lossy(&bytes) }))
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::fake::FakeHost;

    use super::*;

    #[test]
    fn what_is_seen_is_said() {
        let host = FakeHost::new("POST", "/a?b").with_body("hi").with_attribute("consumer.id", "x");
        let settings = Settings { attributes: vec!["consumer.id".into()], ..Settings::default() };
        let reply = Echo(settings).handle(&host).unwrap();
        let seen: Value = serde_json::from_slice(reply.body.as_bytes()).unwrap();
        assert_eq!(seen["path"], "/a");
        assert_eq!(seen["body"]["text"], "hi");
        assert_eq!(seen["attributes"]["consumer.id"], "x");
    }
}
