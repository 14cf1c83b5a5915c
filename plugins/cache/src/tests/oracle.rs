//! The rules beside those of http-cache-semantics, which somebody else has written.

use std::time::{Duration, SystemTime};

use http::{Request, Response};
use http_cache_semantics::{CacheOptions, CachePolicy};
use proptest::prelude::*;

use crate::{fields::Fields, storable, storable::Rules};

/// Sun, 06 Nov 1994 08:49:37 GMT, in milliseconds.
const NOW: u64 = 784_111_777_000;

fn lines() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let directive = prop_oneof![
        Just("no-store".to_owned()),
        Just("private".to_owned()),
        Just("public".to_owned()),
        Just("must-revalidate".to_owned()),
        (1_u32..5000).prop_map(|seconds| format!("max-age={seconds}")),
        (1_u32..5000).prop_map(|seconds| format!("s-maxage={seconds}")),
        // Not with commas in quotes, which the other one splits.
        Just("x-other=\"a\"".to_owned()),
    ];
    let directives = proptest::collection::btree_set(directive, 0..3).prop_map(|all| {
        // Of one directive that is said twice with other values, each takes another.
        let names: Vec<_> =
            all.iter().map(|one| one.split('=').next().unwrap_or_default().to_owned()).collect();
        let firsts =
            all.into_iter().enumerate().filter(|(at, _)| !names[..*at].contains(&names[*at]));
        firsts.map(|(_, one)| one).collect::<Vec<_>>().join(", ")
    });
    let expires = prop_oneof![
        Just(None),
        Just(Some("Sun, 06 Nov 1994 09:49:37 GMT")),
        Just(Some("Sun, 06 Nov 1994 07:49:37 GMT")),
    ];
    (directives, expires).prop_map(|(directives, expires)| {
        let mut lines = vec![("date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())];
        if !directives.is_empty() {
            lines.push(("cache-control", directives));
        }
        lines.extend(expires.map(|at| ("expires", at.to_owned())));
        lines
    })
}

proptest! {
    #[test]
    fn the_same_is_kept_for_as_long(
        lines in lines(),
        status in proptest::sample::select(vec![200_u16, 203, 204, 206, 301, 404, 410, 501]),
        is_authorized: bool,
    ) {
        let mut request = Request::get("http://a.example/");
        if is_authorized {
            request = request.header("authorization", "Bearer x");
        }
        let mut response = Response::builder().status(status);
        for (name, value) in &lines {
            response = response.header(*name, value);
        }
        let (request, response) = (request.body(()).unwrap(), response.body(()).unwrap());
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW);
        let oracle = CachePolicy::new_options(&request, &response, now, CacheOptions::default());

        let fields: Fields = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let rules = Rules {
            ttl: Default::default(),
            default_ttl: None,
            guess: 0,
            statuses: None,
            while_revalidate: 0,
            if_error: 0,
            // What is stale from the start is nothing that the other one minds keeping.
            keep: 0,
        };
        let response =
            storable::Response { status, fields: &fields, asked: NOW, received: NOW, is_authorized };
        let ours = rules.judge(&response, false).map(|head| head.lifetime).unwrap_or(0);
        let theirs = if oracle.is_storable() { oracle.time_to_live(now).as_secs() } else { 0 };
        prop_assert_eq!(ours, theirs);
    }
}
