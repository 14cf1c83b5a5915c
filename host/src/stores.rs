//! State that outlives an exchange: what plugins keep, and what they count. The store room keeps
//! it in memory or elsewhere; whoever uses it sees these traits only.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, FutureExt as _, Ready, ready};

/// What a store answers. Memory knows at once, so nothing is allocated for its answers; who has to
/// ask elsewhere is waited for.
pub type Answer<'a, T> = Either<Ready<Result<T, StoreError>>, BoxFuture<'a, Result<T, StoreError>>>;

/// An answer that is there.
pub fn at_once<'a, T>(answer: Result<T, StoreError>) -> Answer<'a, T> {
    Either::Left(ready(answer))
}

/// An answer that comes.
pub fn later<'a, T>(
    answer: impl Future<Output = Result<T, StoreError>> + Send + 'a,
) -> Answer<'a, T> {
    Either::Right(answer.boxed())
}

/// Keys and values of one namespace (one `[plugins.NAME]` entry).
pub trait Kv: Send + Sync {
    /// The value, if there is one that has not expired.
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>>;

    /// Sets a value.
    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> Answer<'a, ()>;

    /// Whether there was a value.
    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, bool>;

    /// Sets the value if the present one is `expected`.
    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool>;

    /// Adds to a counter and gives its new value. `ttl` counts from the counter's creation.
    fn increment<'a>(&'a self, key: &'a str, by: i64, ttl: Option<Duration>) -> Answer<'a, i64>;

    /// Single flight: the value, or who makes it.
    fn lead<'a>(&'a self, key: &'a str, wait: Duration) -> Answer<'a, Lead>;
}

/// What `lead` found.
pub enum Lead {
    /// A value.
    Value(Bytes),
    /// None, and the caller makes it. Others wait while this lives and there is no value.
    Yours(Box<dyn Send>),
    /// Somebody else leads and took longer than the caller would wait.
    Busy,
}

/// Counters that say whether something may happen now.
pub trait RateLimit: Send + Sync {
    /// Takes `cost` from every bucket, or from none. One verdict for each, in order.
    fn take<'a>(&'a self, buckets: &'a [Bucket], cost: u64) -> Answer<'a, Vec<Allowance>>;
}

/// One bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Entry, policy and key, joined so that no two triples are alike.
    pub id: String,
    /// How it counts.
    pub algorithm: Algorithm,
    /// How much in each window; at least 1.
    pub limit: u64,
    /// At least a millisecond.
    pub window: Duration,
    /// How much at once, for GCRA; at least 1.
    pub burst: u64,
}

/// How a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Generic cell rate algorithm.
    Gcra,
    /// A window that begins with the first take.
    FixedWindow,
}

/// A bucket's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whether the cost fits.
    pub allowed: bool,
    /// How much is left.
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset: Duration,
    /// Until this cost would fit; zero if it does.
    pub retry_after: Duration,
}

/// Gives namespaces and counters. They survive a reload by name.
pub trait Stores: Send + Sync {
    /// The namespace of one plugin entry. The cap of the newest configuration holds. What is
    /// `shared` may live where other gateways see it.
    fn kv(&self, namespace: &str, max_bytes: u64, shared: bool) -> Arc<dyn Kv>;

    /// The counters of one plugin entry. Buckets are told apart by their ids alone; `plugin` says
    /// how exact they have to be.
    fn rate_limit(&self, plugin: &str) -> Arc<dyn RateLimit>;
}

/// Why a store did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The namespace is at its cap.
    Full,
    /// A key or value is too long.
    TooLarge,
    /// The value is not a counter.
    NotACounter,
    /// A limit, window or cost that makes no sense.
    Invalid(String),
    /// The store did not answer.
    Unavailable(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the namespace is full"),
            Self::TooLarge => f.write_str("the key or the value is too long"),
            Self::NotACounter => f.write_str("the value is not a counter"),
            Self::Invalid(why) => write!(f, "invalid: {why}"),
            Self::Unavailable(why) => write!(f, "the store did not answer: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}
