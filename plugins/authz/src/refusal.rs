//! What a client hears that may not do what it wants: nothing of the policy.

use torana_plugin_sdk::prelude::*;

/// How to refuse.
pub(crate) struct Refusals {
    /// The `WWW-Authenticate` of a 401.
    pub(crate) challenge: Option<String>,
    pub(crate) dry_run: bool,
}

impl Refusals {
    /// Refuses, and logs why. `asks_who`: to be known could have helped.
    pub(crate) fn refuse(&self, why: &str, asks_who: bool, host: &impl Host) -> Action {
        let verdict = if self.dry_run { "dry run: would be denied" } else { "denied" };
        host.log().info(format_args!("{verdict} {why} ({})", asked(host)));
        if self.dry_run {
            return Action::Next;
        }
        match &self.challenge {
            Some(challenge) if asks_who && is_nobody(host) => {
                Reply::problem(401, "unauthenticated", "Credentials are needed.")
                    .header("www-authenticate", challenge)
            }
            _ => Reply::problem(403, "forbidden", "You may not do this."),
        }
        .into()
    }
}

fn is_nobody(host: &impl Host) -> bool {
    let is_absent = |name| host.attributes().get(name).is_none();
    is_absent("consumer.id") && is_absent("auth.claims")
}

/// Who wanted what. The path is the encoded one: it has no line breaks. The host adds the route.
fn asked(host: &impl Host) -> String {
    let request = host.request();
    let who = match host.attributes().get("consumer.id") {
        Some(id) => format!("consumer {id:?}"),
        None => "no consumer".into(),
    };
    format!("{} {}, {who}", request.method(), request.path())
}
