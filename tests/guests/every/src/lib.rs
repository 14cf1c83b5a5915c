//! Calls every function of every capability. What came of it stands in fields of the response, one for
//! each hook; the body of a request or response is in capitals afterwards. Built once for version 0.1.0 of
//! the contract and kept: see tests/data/frozen.

use std::time::Duration;

use torana_plugin_sdk::{
    host::{
        Algorithm, Bucket, DigestAlgorithm, EditBody, Key, Level, Outgoing, PublicKey, ReadBody,
        SignatureAlgorithm,
    },
    prelude::*,
};

/// What it calls and signs with.
#[settings]
struct Settings {
    /// An upstream to fetch from.
    service: String,
    /// A secret to reveal, sign and send.
    key: SecretName,
}

struct Every(Settings);

#[plugin]
impl Plugin for Every {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(Duration::from_millis(100))
    }

    fn on_tick(&self, host: &impl Host) -> Result<(), Failure> {
        host.kv().increment("ticks", 1, None)?;
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let said = [basics(host), kept(host)?, self.fetched(host)?, self.trusted(host)?].concat();
        host.attributes().set("head", &said.join(" "))?;
        host.attributes().set("gone", "soon")?;
        host.attributes().remove("gone")?;
        host.attributes().set("request", &request(host)?.join(" "))?;
        edit_request(host)?;
        Ok(Action::Next)
    }

    fn on_request_body(&self, host: &impl Host) -> Outcome {
        capitals(&host.request_body(), &host.request_body_edit())?;
        Ok(Action::Next)
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        let (response, edit) = (host.response(), host.response_edit());
        let said = [
            response.status().to_string(),
            format!("{:?}", response.header("x-of-service")?),
            response.header_values("x-of-service")?.len().to_string(),
            response.header_bytes("x-of-service")?.map_or(0, |bytes| bytes.len()).to_string(),
            response.header_names().contains(&"x-of-service".to_owned()).to_string(),
        ];
        edit.set_status(203)?;
        edit.set_header("x-response", &said.join(" "))?;
        edit.set_header_bytes("x-bytes", b"bytes")?;
        edit.add_header("x-bytes", "more")?;
        edit.remove_header("x-of-service")?;
        for name in ["head", "request", "gone"] {
            let value = host.attributes().get(name);
            edit.set_header(&format!("x-{name}"), value.as_deref().unwrap_or("none"))?;
        }
        let ticks = host.kv().get("ticks")?.unwrap_or_default();
        edit.set_header("x-ticks", &String::from_utf8_lossy(&ticks))?;
        Ok(Action::Next)
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        capitals(&host.response_body(), &host.response_body_edit())?;
        Ok(Action::Next)
    }
}

impl Every {
    fn fetched(&self, host: &impl Host) -> Result<Vec<String>, Failure> {
        let key = &self.0.key.secret;
        let call = Outgoing::get(&self.0.service, "/fetched").secret_header("x-key", "Key ", key);
        let fetch = host.fetch();
        let one = fetch.send(&call)?.status;
        let two = fetch.send_all(&[call.clone(), call.clone()]).into_iter().flatten().count();
        let number = fetch.start(&call);
        let is_it = fetch.wait_any().is_some_and(|(done, came)| done == number && came.is_ok());
        Ok(vec![one.to_string(), two.to_string(), is_it.to_string()])
    }

    fn trusted(&self, host: &impl Host) -> Result<Vec<String>, Failure> {
        let (crypto, secret) = (host.crypto(), host.secrets().reveal(&self.0.key.secret)?);
        let named = Key::Secret(self.0.key.secret.clone());
        let mac = crypto.hmac(DigestAlgorithm::Sha256, &named, b"a")?;
        let own = Key::Bytes(secret.into_bytes());
        let same = crypto.equal(&mac, &crypto.hmac(DigestAlgorithm::Sha256, &own, b"a")?);
        let digest = crypto.digest(DigestAlgorithm::Sha384, b"a").len();
        let none = PublicKey::Der(vec![0; 32]);
        let verified =
            crypto.verify(SignatureAlgorithm::Ed25519, &none, b"a", &[0; 64]).is_ok_and(|is| is);
        Ok(vec![same.to_string(), digest.to_string(), verified.to_string()])
    }
}

fn basics(host: &impl Host) -> Vec<String> {
    let (log, metrics) = (host.log(), host.metrics());
    log.write(Level::Warn, "every capability is called");
    metrics.count("every_calls", 1);
    metrics.gauge("every_level", 0.5);
    let random = host.random();
    vec![
        log.enabled(Level::Error).to_string(),
        (host.clock().unix_millis() > 0).to_string(),
        (host.clock().monotonic_nanos() > 0).to_string(),
        random.bytes(16).len().to_string(),
        (random.number() != random.number()).to_string(),
    ]
}

fn kept(host: &impl Host) -> Result<Vec<String>, Failure> {
    let kv = host.kv();
    kv.set("a", b"1", Some(60_000))?;
    let swapped = kv.compare_and_swap("a", Some(b"1"), b"2", None)?;
    let got = kv.get("a")?.unwrap_or_default();
    let got = String::from_utf8_lossy(&got).into_owned();
    let deleted = kv.delete("a")?;
    kv.lead("leader", 0)?;
    let bucket = Bucket {
        policy: None,
        key: "all".into(),
        algorithm: Algorithm::FixedWindow,
        limit: 1_000_000,
        window_ms: 3_600_000,
        burst: None,
    };
    let allowed = host.rate_limit().take(&[bucket], 1)?.iter().all(|verdict| verdict.allowed);
    Ok(vec![swapped.to_string(), got, deleted.to_string(), allowed.to_string()])
}

fn request(host: &impl Host) -> Result<Vec<String>, Failure> {
    let request = host.request();
    Ok(vec![
        request.method(),
        request.scheme(),
        request.path(),
        request.query().unwrap_or_default(),
        request.query_values("q").concat(),
        request.param("path").unwrap_or_default(),
        request.version(),
        request.tls().is_some().to_string(),
        request.route(),
        (!request.authority().is_empty()).to_string(),
        (!request.client_address().is_empty()).to_string(),
        (!request.id().is_empty()).to_string(),
        request.header("x-one")?.unwrap_or_default(),
        request.header_bytes("x-one")?.unwrap_or_default().len().to_string(),
        request.header_values("x-two")?.concat(),
        request.header_names().contains(&"x-two".to_owned()).to_string(),
    ])
}

fn edit_request(host: &impl Host) -> Result<(), Failure> {
    let edit = host.request_edit();
    edit.set_path("/changed")?;
    edit.set_query(Some("changed=yes"))?;
    edit.choose_upstream("other")?;
    edit.set_header("x-set", "set")?;
    edit.set_header_bytes("x-bytes", b"bytes")?;
    edit.add_header("x-two", "3")?;
    edit.remove_header("x-one")?;
    Ok(())
}

/// Reads a body in each way that there is, and writes it in capitals in each way.
fn capitals(body: &impl ReadBody, edit: &impl EditBody) -> Result<(), Failure> {
    let text = body.text()?.to_uppercase();
    let bytes = body.read(0, body.length()? as u32)?;
    edit.write(&bytes)?;
    edit.clear()?;
    edit.write_text(&text)?;
    Ok(())
}
