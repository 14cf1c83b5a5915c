use std::time::Duration;

use super::*;
use crate::config::{Condition, Rewrite, Span};

fn route(name: &str, matcher: Match) -> Route {
    Route {
        name: name.into(),
        span: Span::default(),
        matcher,
        match_span: Span::default(),
        chain: Vec::new(),
        upstream: Some("a".into()),
        split: None,
        alternatives: Vec::new(),
        mirror: None,
        redirect: None,
        reply: None,
        timeout: Duration::from_secs(1),
        merge_slashes: true,
        rewrite: Rewrite::None,
        max_body: 0,
        upgrade: Vec::new(),
        upgrade_span: Span::default(),
        upgrade_idle: Duration::ZERO,
        public: false,
    }
}

fn on(path: &str) -> Match {
    Match { path: path.into(), ..Match::default() }
}

fn ask(router: &Router, method: Method, host: &str, path: &str) -> Found {
    ask_with(router, method, host, path, None, &[])
}

fn ask_with(
    router: &Router,
    method: Method,
    host: &str,
    path: &str,
    query: Option<&str>,
    headers: &[(&'static str, &'static str)],
) -> Found {
    let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
    let (method, headers) = (&method, &headers);
    router.find(&Asked { listener: "public", host, path, query, method, headers })
}

fn index(found: Found) -> Option<usize> {
    match found {
        Found::Route(index, _) => Some(index),
        _ => None,
    }
}

#[test]
fn more_specific_paths_win_whatever_their_order() {
    let router = Router::new(&[
        route("rest", on("/{*rest}")),
        route("param", on("/users/{id}")),
        route("literal", on("/users/me")),
    ])
    .unwrap();
    let at = |path| index(ask(&router, Method::GET, "h", path));
    assert_eq!(at("/users/me"), Some(2));
    assert_eq!(at("/users/7"), Some(1));
    assert_eq!(at("/users/7/x"), Some(0));
}

#[test]
fn parameters_have_each_routes_own_names() {
    let router = Router::new(&[
        route("get", Match { methods: vec!["GET".into()], ..on("/a/{id}/b/{n}") }),
        route("post", Match { methods: vec!["POST".into()], ..on("/a/{x}/b/{y}") }),
    ])
    .unwrap();
    let params = |method| match ask(&router, method, "h", "/a/1/b/2") {
        Found::Route(_, params) => {
            params.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(",")
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(params(Method::GET), "id=1,n=2");
    assert_eq!(params(Method::POST), "x=1,y=2");
}

#[test]
fn hosts_from_exact_to_any_and_none_hides_another() {
    let hosts = |hosts: &[&str], path| Match {
        hosts: hosts.iter().map(|h| h.to_string()).collect(),
        ..on(path)
    };
    let router = Router::new(&[
        route("any", on("/")),
        route("wild", hosts(&["*.shop.example"], "/")),
        route("deep", hosts(&["*.eu.shop.example"], "/")),
        route("exact", hosts(&["www.shop.example"], "/")),
        route("health", on("/health")),
    ])
    .unwrap();
    let at = |host, path| index(ask(&router, Method::GET, host, path));
    assert_eq!(at("WWW.shop.example", "/"), Some(3));
    assert_eq!(at("api.shop.example", "/"), Some(1));
    assert_eq!(at("a.EU.shop.example", "/"), Some(2));
    assert_eq!(at("shop.example", "/"), Some(0));
    assert_eq!(at("www.shop.example", "/health"), Some(4));
}

#[test]
fn methods_and_405() {
    let router = Router::new(&[
        route("get", Match { methods: vec!["GET".into()], ..on("/x") }),
        route("put", Match { methods: vec!["PUT".into()], ..on("/x") }),
    ])
    .unwrap();
    assert_eq!(index(ask(&router, Method::HEAD, "h", "/x")), Some(0));
    let allowed = vec!["GET".to_string(), "HEAD".into(), "PUT".into()];
    assert_eq!(ask(&router, Method::DELETE, "h", "/x"), Found::OtherMethods(allowed));
    assert_eq!(ask(&router, Method::GET, "h", "/y"), Found::Nothing);
}

#[test]
fn conditions_make_a_route_more_specific() {
    let beta = Condition { name: "x-beta".into(), value: Some("1".into()) };
    let flag = Condition { name: "debug".into(), value: None };
    let router = Router::new(&[
        route("plain", on("/x")),
        route("beta", Match { headers: vec![beta], ..on("/x") }),
        route("debug", Match { query: vec![flag], ..on("/x") }),
    ])
    .unwrap();
    let at = |query, headers: &[(&'static str, &'static str)]| {
        index(ask_with(&router, Method::GET, "h", "/x", query, headers))
    };
    assert_eq!(at(None, &[]), Some(0));
    assert_eq!(at(None, &[("x-beta", "1")]), Some(1));
    assert_eq!(at(None, &[("x-beta", "2")]), Some(0));
    assert_eq!(at(Some("a=b&debug"), &[]), Some(2));
}

#[test]
fn routes_that_cannot_be_told_apart_conflict() {
    let conflict = |a, b| Router::new(&[route("a", a), route("b", b)]).err();
    let clash = Some(vec![Conflict { first: 0, second: 1 }]);
    assert_eq!(conflict(on("/a/{id}"), on("/a/{name}")), clash);
    let get = || Match { methods: vec!["GET".into()], ..on("/x") };
    assert_eq!(conflict(get(), get()), clash);
    assert_eq!(conflict(get(), on("/x")), None, "the one with methods is more specific");
}

#[test]
fn a_thousand_routes_are_found() {
    let routes: Vec<Route> = (0..1000)
        .map(|i| route(&format!("r{i}"), on(&format!("/service{i}/items/{{id}}"))))
        .collect();
    let router = Router::new(&routes).unwrap();
    assert_eq!(index(ask(&router, Method::GET, "h", "/service999/items/5")), Some(999));
}

#[test]
fn the_rest_of_a_path_may_be_empty() {
    let router = Router::new(&[
        route("files", on("/files/{*rest}")),
        route("all", on("/{*rest}")),
        route("root", Match { methods: vec!["GET".into()], ..on("/") }),
    ])
    .unwrap();
    let rest = vec![(Arc::from("rest"), String::new())];
    assert_eq!(ask(&router, Method::GET, "h", "/files/"), Found::Route(0, rest.clone()));
    assert_eq!(index(ask(&router, Method::GET, "h", "/files")), Some(1));
    assert_eq!(index(ask(&router, Method::GET, "h", "/")), Some(2));
    assert_eq!(ask(&router, Method::POST, "h", "/"), Found::Route(1, rest));
}
