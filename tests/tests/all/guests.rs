//! What the tests of plugins share: entries for the test guests, and a look at the metrics.

use torana_tests::{Gateway, paths, toml, within};

/// Long enough that no sound guest reaches it, however busy the machine: for tests that are not
/// about CPU time.
pub(crate) const PATIENT: &str = "limits.cpu = \"15s\"";

/// `[plugins.NAME]` with a test guest and the grants that its imports need. `more` may have
/// `config`, `limits`, `on_error` ... but no `grants`.
pub(crate) fn plugin(name: &str, guest: &str, more: &str) -> String {
    let grants = match guest {
        "misbehaving" => "{ request-edit = true, response-edit = true }",
        "misbehaving-body" | "body-upper" => {
            "{ request-body = \"read-write\", response-body = \"read-write\" }"
        }
        "counter" => "{ kv = true, rate-limit = true }",
        "echo" => "{ request-body = \"read\" }",
        "fetcher" => "{ fetch = [\"service\"] }",
        _ => "{}",
    };
    plugin_with(name, guest, grants, more)
}

/// The same with other grants.
pub(crate) fn plugin_with(name: &str, guest: &str, grants: &str, more: &str) -> String {
    let path = paths::guest(guest);
    let limits = if more.contains("limits.cpu") { "" } else { PATIENT };
    format!(
        "\n[plugins.{name}]\ncomponent = {{ path = \"{}\" }}\ngrants = {grants}\n{limits}\n{more}\n",
        path.display()
    )
}

/// The `headers` plugin, that marks every response that it sees with `x-NAME: seen`. (It has to look: what is the same
/// for all would be set without a call.)
pub(crate) fn marker(name: &str) -> String {
    format!(
        "\n[plugins.{name}]\ncomponent = \"headers\"\n{PATIENT}\n\
         grants = {{ request-edit = true, response-edit = true }}\n\
         config.response.set = {{ x-{name} = \"{{attributes.mark:-seen}}\" }}\n"
    )
}

/// A route `all` for everything, with this chain, to the upstream `service`.
pub(crate) fn route(chain: &str) -> String {
    toml::route("all", &format!("{}\nchain = {chain}", toml::ALL))
}

/// A route `all` for everything, that ends in a handler.
pub(crate) fn handled(chain: &str) -> String {
    toml::route("all", &format!("match = {{ path = \"/{{*path}}\" }}\nchain = {chain}"))
}

/// The listeners, with one worker: requests one after the other meet the same instances.
pub(crate) fn one_worker() -> String {
    toml::LISTEN.replace("workers = 2", "workers = 1")
}

/// The sum of all samples of a metric whose labels have all of these, like `cause="cpu"`.
pub(crate) async fn metric(gateway: &Gateway, name: &str, labels: &[&str]) -> f64 {
    let answer = gateway.admin().get("/metrics").await;
    let samples = answer.text().lines().filter(|line| {
        let rest = line.strip_prefix(name).unwrap_or_default();
        rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label))
    });
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
    samples.map(|line| value(line).unwrap_or_else(|| panic!("no number: {line}"))).sum()
}

/// How many hook calls failed for this cause.
pub(crate) async fn failures(gateway: &Gateway, plugin: &str, cause: &str) -> f64 {
    let labels = [format!("plugin=\"{plugin}\""), format!("cause=\"{cause}\"")];
    metric(gateway, "torana_plugin_failures_total", &labels.each_ref().map(|l| &**l)).await
}

/// Waits until a metric has this value.
pub(crate) async fn wait_for_metric(gateway: &Gateway, name: &str, labels: &[&str], value: f64) {
    let reached = async {
        while metric(gateway, name, labels).await != value {
            tokio::task::yield_now().await;
        }
    };
    within(&format!("{name}{labels:?} to be {value}"), reached).await;
}
