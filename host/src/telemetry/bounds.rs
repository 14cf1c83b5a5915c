//! The buckets that times are counted in.

/// Of a request, in nanoseconds.
pub(super) const REQUEST_NANOS: [u64; 14] = [
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Of a hook call, in nanoseconds. A pooled call of a small guest takes one to five microseconds.
pub(super) const PLUGIN_NANOS: [u64; 12] = [
    2_000,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    25_000_000,
    100_000_000,
    1_000_000_000,
];
