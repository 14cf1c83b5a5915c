//! `rate-limit`: counters that decide.

use std::time::Duration;

use crate::{
    plugin::{
        bindings::rate_limit::{Algorithm, Bucket, Host, RateLimitError, Verdict},
        state::State,
    },
    stores::{self, StoreError},
};

impl Host for State {
    async fn take(
        &mut self,
        buckets: Vec<Bucket>,
        cost: u64,
    ) -> wasmtime::Result<Result<Vec<Verdict>, RateLimitError>> {
        self.outside_configure("rate-limit.take")?;
        let buckets: Vec<stores::Bucket> = buckets.into_iter().map(|b| self.bucket(b)).collect();
        let taken = self.context.rate_limit.take(&buckets, cost).await;
        Ok(taken.map(|verdicts| verdicts.iter().map(verdict).collect()).map_err(
            |error| match error {
                StoreError::Invalid(why) => RateLimitError::Invalid(why),
                other => RateLimitError::Unavailable(other.to_string()),
            },
        ))
    }
}

impl State {
    fn bucket(&self, bucket: Bucket) -> stores::Bucket {
        let policy = bucket.policy.as_deref().unwrap_or(&self.exchange.route);
        let plugin = &self.context.name;
        stores::Bucket {
            id: id(plugin, policy, &bucket.key),
            algorithm: match bucket.algorithm {
                Algorithm::Gcra => stores::Algorithm::Gcra,
                Algorithm::FixedWindow => stores::Algorithm::FixedWindow,
            },
            limit: bucket.limit,
            window: Duration::from_millis(bucket.window_ms),
            burst: bucket.burst.unwrap_or(bucket.limit),
        }
    }
}

/// Lengths before the parts: no two triples make the same text. (`format!` took longer than the counters.)
fn id(plugin: &str, policy: &str, key: &str) -> String {
    const LENGTHS: usize = 2 * "65536:".len();
    let mut id = String::with_capacity(plugin.len() + policy.len() + key.len() + LENGTHS);
    for part in [plugin, policy] {
        id.push_str(itoa::Buffer::new().format(part.len()));
        id.push(':');
        id.push_str(part);
    }
    id.push_str(key);
    id
}

fn verdict(allowance: &stores::Allowance) -> Verdict {
    Verdict {
        allowed: allowance.allowed,
        remaining: allowance.remaining,
        reset_ms: millis_up(allowance.reset),
        retry_after_ms: millis_up(allowance.retry_after),
    }
}

/// Rounded up: a client that waits this long must not come a moment too early.
fn millis_up(time: Duration) -> u64 {
    time.as_nanos().div_ceil(1_000_000) as u64
}
