//! Once a day: which keys have expired or are about to, for the log and `/metrics`.

use std::time::Duration;

use torana_plugin_sdk::prelude::*;

use crate::registry::{Identity, Registry};

/// How often.
pub(crate) const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Time enough to give out a new key.
const SOON_DAYS: u64 = 14;

/// No more lines than this; the gauges have the full numbers.
const MAX_LINES: usize = 20;

pub(crate) fn report(registry: &Registry, host: &impl Host) {
    let now = host.clock().unix_millis();
    let (mut expired, mut expiring) = (Vec::new(), Vec::new());
    for identity in registry.keys() {
        match days_left(identity, now) {
            Some(None) => expired.push(format!("{identity} has expired: remove it")),
            Some(Some(days)) if days < SOON_DAYS => {
                expiring.push(format!("{identity} expires {}: give out a new one", within(days)));
            }
            _ => {}
        }
    }
    host.metrics().gauge("keys_expired", expired.len() as f64);
    host.metrics().gauge("keys_expiring", expiring.len() as f64);
    let more = (expired.len() + expiring.len()).saturating_sub(MAX_LINES);
    for line in expiring.iter().chain(&expired).take(MAX_LINES) {
        host.log().warn(line);
    }
    if more > 0 {
        host.log().warn(format_args!("{more} more keys have expired or expire soon"));
    }
}

/// Of a key that expires, and is not disabled anyway: the days that it has left, or that it has
/// expired.
fn days_left(identity: Identity<'_>, now: u64) -> Option<Option<u64>> {
    let expires = identity.key.expires.as_ref()?;
    if identity.key.disabled || identity.consumer.disabled {
        return None;
    }
    Some((!expires.is_past(now)).then(|| expires.days_left(now)))
}

fn within(days: u64) -> String {
    match days {
        0 => "within a day".into(),
        1 => "in a day".into(),
        days => format!("in {days} days"),
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;
    use crate::settings::Settings;

    const NOW: &str = "2027-01-15T08:00:00Z";

    fn lines(expires: &[&str]) -> (FakeHost, Vec<String>) {
        let host = FakeHost::get("/").with_unix_millis(1_800_000_000_000);
        let hash = |index: usize| {
            format!(
                "sha256:{index:08}:AAECAwQFBgcICQoLDA0ODw:yWOVnhjHdw4JB09yx45hmBeH7KvYnGpEEpHAc6beZTE"
            )
        };
        let keys = expires.iter().enumerate();
        let keys: Vec<_> = keys
            .map(|(index, at)| format!(r#"{{"hash":"{}","expires":"{at}"}}"#, hash(index)))
            .collect();
        let json = format!(r#"{{"consumers":[{{"id":"acme","keys":[{}]}}]}}"#, keys.join(","));
        let settings: Settings = settings::parse(&json).unwrap();
        report(&Registry::new(settings.consumers), &host);
        let lines = host.logs().into_iter().map(|(_, line)| line).collect();
        (host, lines)
    }

    #[test]
    fn keys_that_expire_are_reported_in_time() {
        let (host, lines) = lines(&[
            NOW,
            "2027-01-15T09:00:00Z",
            "2027-01-18T08:00:00Z",
            "2027-01-29T08:00:00Z",
            "2099-01-01T00:00:00Z",
        ]);
        assert_eq!(
            lines,
            [
                "key `00000001` of consumer `acme` expires within a day: give out a new one",
                "key `00000002` of consumer `acme` expires in 3 days: give out a new one",
                "key `00000000` of consumer `acme` has expired: remove it",
            ]
        );
        assert_eq!(host.gauged("keys_expired"), Some(1.0));
        assert_eq!(host.gauged("keys_expiring"), Some(2.0));
    }

    #[test]
    fn a_report_is_not_a_flood() {
        let (host, lines) = lines(&[NOW; 25]);
        assert_eq!(lines.len(), 21);
        assert_eq!(lines[20], "5 more keys have expired or expire soon");
        assert_eq!(host.gauged("keys_expired"), Some(25.0));
    }
}
