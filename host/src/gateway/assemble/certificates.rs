//! How long the certificates hold that listeners show. That one has expired is a warning: whoever comes
//! for another one, to another listener or over plain HTTP is served all the same.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    config::{Certificate, Config, Diagnostic, Diagnostics, Listener},
    tls::{self, Moment},
};

/// What should be renewed by now, if it is renewed by itself.
const SOON: Duration = Duration::from_secs(14 * DAY);
const DAY: u64 = 24 * 3600;

/// A certificate of a listener.
pub(in crate::gateway) struct Shown {
    pub(in crate::gateway) listener: Arc<str>,
    pub(in crate::gateway) path: PathBuf,
    pub(in crate::gateway) not_after: SystemTime,
}

/// All of them, and warnings of those that do not hold for long. One that cannot be read is told of
/// elsewhere.
pub(super) fn shown(config: &Config, problems: &mut Diagnostics) -> Vec<Shown> {
    let now = SystemTime::now();
    let mut all = Vec::new();
    for (listener, certificate) in certificates(config) {
        let Some(end) = tls::expiry(&certificate.cert) else { continue };
        warning(certificate, end, now).into_iter().for_each(|warning| problems.push(warning));
        let (listener, path) = (listener.name.clone(), certificate.cert.clone());
        all.push(Shown { listener, path, not_after: end.system_time() });
    }
    all
}

fn certificates(config: &Config) -> impl Iterator<Item = (&Listener, &Certificate)> {
    config.listeners.iter().flat_map(|listener| listener.tls.iter().map(move |one| (listener, one)))
}

fn warning(certificate: &Certificate, end: Moment, now: SystemTime) -> Option<Diagnostic> {
    let path = certificate.cert.display();
    let message = match end.system_time().duration_since(now) {
        Err(_) => format!("the certificate in `{path}` expired on {end}: clients refuse it"),
        Ok(left) if left < SOON => {
            let days = left.as_secs() / DAY;
            let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
            format!("the certificate in `{path}` expires in {days}, on {end}")
        }
        Ok(_) => return None,
    };
    let help = "renew it: a file that is changed is taken without a restart".to_owned();
    Some(Diagnostic::warning(certificate.cert_span, message).help(help))
}
