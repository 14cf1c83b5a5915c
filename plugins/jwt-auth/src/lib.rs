//! Admits requests that carry a valid JSON Web Token (RFC 7519), and tells the upstream and later
//! plugins whose it is.

mod algorithm;
mod authenticate;
mod cache;
mod claims;
mod credentials;
mod fingerprint;
mod identity;
mod json;
mod jwk;
mod jwks;
mod key;
mod keyset;
mod lists;
mod location;
mod pem;
mod places;
mod policy;
mod refusal;
mod settings;
mod static_keys;
mod token;
mod uses;
mod validity;
mod verify;
mod wanted;

#[cfg(test)]
mod tests;

use std::time::Duration;

use authenticate::Authenticator;
use policy::Policy;
use settings::Settings;
use torana_plugin_sdk::prelude::*;

struct JwtAuth(Authenticator);

#[plugin(schema = "schema.json")]
impl Plugin for JwtAuth {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Policy::new(settings).map(Authenticator::new).map(Self)
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        self.0.policy.announce(setup);
        Ok(())
    }

    fn tick_every(&self) -> Option<Duration> {
        self.0.policy.remote.as_ref().map(|remote| Duration::from_millis(remote.tick_every()))
    }

    fn on_tick(&self, host: &impl Host) -> Result<(), Failure> {
        if let Some(remote) = &self.0.policy.remote {
            remote.tick(host);
        }
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        self.0.admit(host)
    }
}
