use super::{Bucket, KvError, LeadAnswer, RateLimitError, Verdict};
use crate::Refused;

/// Keys and values of the plugin's own, shared by its instances and kept over a reload. Every
/// value may be lost at any time.
pub trait Kv {
    /// The value, where there is one.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refused<KvError>>;
    /// Sets a value; without `ttl_ms` it stays until it is deleted.
    fn set(&self, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Refused<KvError>>;
    /// Deletes a value, and says whether there was one.
    fn delete(&self, key: &str) -> Result<bool, Refused<KvError>>;
    /// Sets the value if the present one is `expected` (none: there is no value), and says whether
    /// it did.
    fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<bool, Refused<KvError>>;
    /// Adds to a counter and gives its new value. `ttl_ms` counts from the counter's creation.
    fn increment(&self, key: &str, by: i64, ttl_ms: Option<u64>) -> Result<i64, Refused<KvError>>;
    /// Single flight: gives the value, or says who makes it. Waits at most `wait_ms`.
    fn lead(&self, key: &str, wait_ms: u32) -> Result<LeadAnswer, Refused<KvError>>;
}

/// Counters that say whether something may happen now.
pub trait RateLimit {
    /// Takes `cost` from every bucket, or from none: all verdicts must be `allowed`. One verdict
    /// for each bucket, in order.
    fn take(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Verdict>, Refused<RateLimitError>>;
}
