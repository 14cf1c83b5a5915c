//! Whether a request may pass, and what is to be said of it.

use torana_plugin_sdk::{
    host::{Algorithm, Bucket, RateLimit as _, RateLimitError, Verdict},
    prelude::*,
};

use crate::{
    fields::Reading,
    identify::Caller,
    key::{self, Parts},
    limit::{Counting, Limit},
    settings::{MissingKey, Settings, StoreError},
    source::Source,
};

/// What is to become of a request.
pub(crate) enum Decision<'a> {
    /// It passes, and nothing was counted.
    Uncounted,
    /// It passes, and this is how the limits stand.
    Counted(Vec<Reading<'a>>),
    Refused(Refusal<'a>),
}

/// Why a request is not to pass.
pub(crate) enum Refusal<'a> {
    /// A part of its key has no value.
    NoKey(String),
    /// There are no limits for its tier.
    NoTier(Option<String>),
    /// At least one limit is used up.
    Exceeded(Vec<Reading<'a>>),
    /// The counters did not answer, for the reason given.
    StoreDown(String),
}

impl Settings {
    /// Counts a request.
    pub(crate) fn decide(&self, host: &impl Host) -> Result<Decision<'_>, Failure> {
        let cost = match self.method_costs.is_empty() {
            true => self.cost,
            false => self.cost_of(&host.request().method()),
        };
        if cost == 0 {
            return Ok(Decision::Uncounted);
        }
        let caller = Caller::new(host.request(), host.attributes(), self.prefixes());
        let tier = match self.tiers.is_empty() {
            true => None,
            false => caller.text(&self.tier.0)?,
        };
        let Some(limits) = self.limits_of(tier.as_deref()) else {
            return Ok(Decision::Refused(Refusal::NoTier(tier)));
        };
        if limits.is_empty() {
            return Ok(Decision::Uncounted);
        }
        let parts = match caller.parts(&self.key.0)? {
            Ok(parts) => parts,
            Err(missing) => match self.missing_key {
                MissingKey::Allow => return Ok(Decision::Uncounted),
                MissingKey::Deny => {
                    return Ok(Decision::Refused(Refusal::NoKey(missing.to_string())));
                }
                // The address is always there.
                MissingKey::Ip => {
                    caller.parts(&[Source::ClientAddress])?.unwrap_or_else(|_| Parts::new())
                }
            },
        };
        self.take(host, limits, &parts, cost)
    }

    fn take<'a>(
        &self,
        host: &impl Host,
        limits: &'a [Limit],
        parts: &Parts,
        cost: u64,
    ) -> Result<Decision<'a>, Failure> {
        let buckets: Vec<_> = limits.iter().map(|limit| self.bucket(limit, parts)).collect();
        let verdicts = match host.rate_limit().take(&buckets, cost) {
            Ok(verdicts) => verdicts,
            Err(Refused { why: RateLimitError::Unavailable(why), .. }) => {
                return Ok(self.without_counters(host, why));
            }
            Err(refused) => return Err(refused.into()),
        };
        let readings: Vec<_> = limits.iter().zip(&verdicts).map(reading).collect();
        Ok(match readings.iter().all(|reading| reading.allowed) {
            true => Decision::Counted(readings),
            false => Decision::Refused(Refusal::Exceeded(readings)),
        })
    }

    fn bucket(&self, limit: &Limit, parts: &Parts) -> Bucket {
        let (algorithm, burst) = match limit.counting {
            Counting::Gcra { burst } => (Algorithm::Gcra, Some(burst)),
            Counting::FixedWindow => (Algorithm::FixedWindow, None),
        };
        Bucket {
            policy: self.policy.as_ref().map(|policy| policy.as_str().to_owned()),
            key: key::compose(&limit.name, parts),
            algorithm,
            limit: limit.rate.amount,
            window_ms: limit.rate.window.millis,
            burst,
        }
    }

    fn without_counters(&self, host: &impl Host, why: String) -> Decision<'static> {
        if self.store_error == StoreError::Deny {
            return Decision::Refused(Refusal::StoreDown(why));
        }
        host.log().warn(format_args!("not counted, for the counters did not answer: {why}"));
        host.metrics().count("uncounted", 1);
        Decision::Uncounted
    }
}

fn reading<'a>((limit, verdict): (&'a Limit, &Verdict)) -> Reading<'a> {
    Reading {
        limit,
        allowed: verdict.allowed,
        remaining: verdict.remaining,
        reset_ms: verdict.reset_ms,
        retry_after_ms: verdict.retry_after_ms,
    }
}
