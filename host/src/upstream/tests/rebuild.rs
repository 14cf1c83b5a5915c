//! What a reload keeps.

use std::{fs, sync::Arc, time::Duration};

use super::{nowhere, settings};
use crate::{
    config::{self, HealthCheck, HostField, Span, UpstreamTls},
    tls::testing::Authority,
    upstream::{Upstreams, ramp::WHOLE, target::milliseconds},
};

#[tokio::test]
async fn equal_upstreams_survive_and_others_are_made_anew() {
    let before = settings(&[nowhere().await]);
    let mut after = before.clone();
    let old = Upstreams::build(&[before], 2, None).unwrap();

    after.span = Span { start: 70, end: 90 };
    let same = Upstreams::build(&[after.clone()], 2, Some(&old)).unwrap();
    assert!(Arc::ptr_eq(same.get("service").unwrap(), old.get("service").unwrap()));

    after.keep_connections += 1;
    let other = Upstreams::build(&[after.clone()], 2, Some(&old)).unwrap();
    assert!(!Arc::ptr_eq(other.get("service").unwrap(), old.get("service").unwrap()));
    assert!(other.get("nobody").is_none());

    after.host = Some(HostField::Target);
    let renamed = Upstreams::build(&[after], 2, Some(&other)).unwrap();
    assert!(!Arc::ptr_eq(renamed.get("service").unwrap(), other.get("service").unwrap()));
}

#[tokio::test]
async fn health_survives_a_change_of_other_settings() {
    let mut settings = settings(&[nowhere().await]);
    settings.health = Some(HealthCheck {
        path: "/".into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        unhealthy_after: 1,
        healthy_after: 1,
    });
    let old = Upstreams::build(&[settings.clone()], 1, None).unwrap();
    let target = &old.get("service").unwrap().targets[0];
    target.healthy.store(false, std::sync::atomic::Ordering::Relaxed);

    settings.keep_connections += 1;
    let new = Upstreams::build(&[settings.clone()], 1, Some(&old)).unwrap();
    assert!(!new.get("service").unwrap().stats()[0].healthy);
    settings.health = None;
    let unchecked = Upstreams::build(&[settings], 1, Some(&new)).unwrap();
    assert!(unchecked.get("service").unwrap().stats()[0].healthy);
}

#[tokio::test]
async fn a_target_that_a_reload_brings_starts_slowly() {
    let mut settings = settings(&[nowhere().await]);
    settings.slow_start = Duration::from_secs(600);
    let old = Upstreams::build(&[settings.clone()], 1, None).unwrap();
    let more = settings.targets[0].clone();
    settings.targets.push(config::Target { port: more.port ^ 1, ..more });
    let new = Upstreams::build(&[settings.clone()], 1, Some(&old)).unwrap();
    let shares = |upstreams: &Upstreams| -> Vec<u8> {
        let targets = &upstreams.get("service").unwrap().targets;
        targets.iter().map(|target| target.outlier.ramp.share(milliseconds)).collect()
    };
    assert_eq!(shares(&old), [WHOLE], "at a start all are new");
    let begun = shares(&new);
    assert!(begun[0] == WHOLE && begun[1] < WHOLE, "{begun:?}");
    settings.keep_connections += 1;
    let newer = Upstreams::build(&[settings], 1, Some(&new)).unwrap();
    assert!(shares(&newer)[1] < WHOLE, "and goes on over the next one");
}

#[tokio::test]
async fn renewed_certificates_are_noticed() {
    let authority = Authority::new();
    let mut settings = settings(&[nowhere().await]);
    settings.tls = Some(UpstreamTls { ca: Some(authority.path()), ..UpstreamTls::default() });
    let old = Upstreams::build(&[settings.clone()], 1, None).unwrap();
    fs::copy(Authority::new().path(), authority.path()).unwrap();
    let new = Upstreams::build(&[settings.clone()], 1, Some(&old)).unwrap();
    assert!(!Arc::ptr_eq(new.get("service").unwrap(), old.get("service").unwrap()));

    fs::write(authority.path(), "gone").unwrap();
    let errors = Upstreams::build(&[settings.clone()], 1, Some(&new)).unwrap_err();
    assert_eq!(errors[0].0, settings.span);
    assert!(errors[0].1.contains("holds no PEM certificate"), "{}", errors[0].1);
}
