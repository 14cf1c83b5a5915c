//! Reading a configuration: what a reload pays before anything is loaded.

use std::{fmt::Write as _, sync::Arc};

use criterion::{BenchmarkId, Criterion};
use torana::config::{Config, LoadOptions, Source};

pub(crate) fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("config");
    for count in [1, 100, 1_000] {
        let text = with_routes(count);
        group.bench_function(BenchmarkId::from_parameter(count), |b| b.iter(|| parse(&text)));
    }
    group.finish();
}

/// A configuration of `count` routes to one upstream.
pub(crate) fn with_routes(count: usize) -> String {
    let mut text = String::from(
        "[listen.public]\naddress = \"127.0.0.1:8080\"\n\n\
         [upstreams.a]\ntargets = [\"127.0.0.1:9001\"]\n",
    );
    for i in 0..count {
        let _ = write!(
            text,
            "\n[[routes]]\nname = \"r{i}\"\nmatch = {{ path = \"/service{i}/items/{{id}}\" }}\n\
             upstream = \"a\"\n"
        );
    }
    text
}

pub(crate) fn parse(text: &str) -> Config {
    let source = Arc::new(Source::new("gateway.toml", text));
    match Config::parse(source, &LoadOptions::default()) {
        Ok((config, _)) => config,
        Err(rejected) => panic!("{rejected}"),
    }
}
