//! Looking up a route must not cost more with a thousand of them.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use http::Method;
use torana::{
    fields::Fields,
    router::{Asked, NormalPath, Router, Slashes},
};

use crate::config;

pub(crate) fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("route");
    for count in [1, 10, 100, 1_000, 10_000] {
        let config = config::parse(&config::with_routes(count));
        let router = Router::new(&config.routes).expect("routes that can be told apart");
        let path = format!("/service{}/items/17", count - 1);
        let (method, headers) = (Method::GET, Fields::new());
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                let path = NormalPath::of(black_box(&path), Slashes::Merged).expect("a good path");
                router.find(&Asked {
                    listener: "public",
                    host: "shop.example",
                    path: &path.decoded,
                    query: None,
                    method: &method,
                    headers: &headers,
                })
            });
        });
    }
    group.finish();
}
