//! Calls of `take.lua`.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, Value};

use super::{failure::Failure, link::Link, script::TAKE};
use crate::{
    store::{
        limiter::Limiter,
        merge::{Due, Standing, level},
    },
    stores::{Algorithm, Allowance, Bucket},
};

/// Lets the server decide whether `cost` may be taken from every bucket.
pub(super) async fn ask(
    link: &Arc<Link>,
    prefix: &str,
    local: &Limiter,
    buckets: &[Bucket],
    cost: u64,
) -> Result<Vec<Allowance>, Failure> {
    if buckets.is_empty() {
        return Ok(Vec::new());
    }
    let fill = |command: &mut Cmd| {
        keys(command, prefix, buckets.iter());
        command.arg("take").arg("");
        for bucket in buckets {
            arguments(command, bucket, level(bucket, cost), local.seen(bucket));
        }
    };
    let verdicts = read(TAKE.run(link, fill).await?, buckets.len())?;
    let say = |(bucket, verdict): (&Bucket, Verdict)| {
        local.hear(bucket, verdict.standing);
        local.allowance(bucket, verdict.standing, cost, verdict.fits)
    };
    Ok(buckets.iter().zip(verdicts).map(say).collect())
}

/// Tells the server what was taken, and takes over what all have taken.
pub(super) async fn tell(
    link: &Arc<Link>,
    prefix: &str,
    local: &Limiter,
    charges: &[Due],
) -> Result<(), Failure> {
    let fill = |command: &mut Cmd| of_due(command, prefix, "add", "", charges);
    let verdicts = read(TAKE.run(link, fill).await?, charges.len())?;
    for (due, verdict) in charges.iter().zip(verdicts) {
        local.settle(&due.bucket, verdict.standing);
    }
    Ok(())
}

/// Gives the server, in this life of it, what it may have lost.
pub(super) async fn restore(
    link: &Arc<Link>,
    prefix: &str,
    life: &str,
    seen: &[Due],
) -> Result<(), Failure> {
    let fill = |command: &mut Cmd| of_due(command, prefix, "restore", life, seen);
    read(TAKE.run(link, fill).await?, seen.len()).map(drop)
}

fn of_due(command: &mut Cmd, prefix: &str, what: &str, life: &str, all: &[Due]) {
    keys(command, prefix, all.iter().map(|due| &due.bucket));
    command.arg(what).arg(life);
    for due in all {
        arguments(command, &due.bucket, due.cost, due.seen);
    }
}

fn keys<'a>(command: &mut Cmd, prefix: &str, buckets: impl ExactSizeIterator<Item = &'a Bucket>) {
    command.arg(buckets.len());
    for bucket in buckets {
        command.arg(format!("{prefix}bucket:{}", bucket.id));
    }
}

fn arguments(command: &mut Cmd, bucket: &Bucket, cost: f64, seen: Standing) {
    let (algorithm, most) = match bucket.algorithm {
        Algorithm::Gcra => ("g", bucket.burst),
        Algorithm::FixedWindow => ("w", bucket.limit),
    };
    command.arg(algorithm).arg(bucket.window.as_nanos() as f64 / 1e3).arg(level(bucket, most));
    command.arg(cost).arg(seen.level).arg(seen.left.as_micros() as u64);
}

/// What the server says of a bucket.
#[derive(Debug, PartialEq)]
struct Verdict {
    fits: bool,
    standing: Standing,
}

fn read(answer: Value, count: usize) -> Result<Vec<Verdict>, Failure> {
    let verdicts: Option<Vec<Verdict>> = match &answer {
        Value::Array(verdicts) => verdicts.iter().map(verdict).collect(),
        _ => None,
    };
    let whole = verdicts.filter(|verdicts| verdicts.len() == count);
    whole.ok_or_else(|| Failure::Broken("an answer that makes no sense".into()))
}

fn verdict(value: &Value) -> Option<Verdict> {
    let Value::BulkString(text) = value else { return None };
    let mut parts = std::str::from_utf8(text).ok()?.split(' ');
    let fits = parts.next()? == "1";
    let level = parts.next()?.parse().ok().filter(|level: &f64| level.is_finite())?;
    let left = Duration::from_micros(parts.next()?.parse().ok()?);
    Some(Verdict { fits, standing: Standing { level, left } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let standing = Standing { level: 2.5, left: Duration::from_micros(7) };
        let found = read(Value::Array(vec![text("1 2.5 7")]), 1);
        assert_eq!(found, Ok(vec![Verdict { fits: true, standing }]));
        for wrong in ["", "1", "1 x 7", "1 2.5", "1 2.5 -7", "1 inf 7"] {
            assert!(read(Value::Array(vec![text(wrong)]), 1).is_err(), "{wrong}");
        }
        assert!(read(Value::Array(vec![]), 1).is_err() && read(Value::Nil, 0).is_err());
    }
}
