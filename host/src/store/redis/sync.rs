//! Every few milliseconds all that was taken here is told to the server, and what all have taken
//! comes back: one round trip, however many buckets there are. Nothing is sent while there is
//! nothing to tell.
//!
//! A server that comes back may have lost what it knew. So before anything else each gateway gives
//! back what it had seen: what is lost is what was taken in the round that was under way.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::{failure::Failure, limiter::Counters, link::Link, take};
use crate::store::{ledger::Charge, merge::Due};

/// Buckets in one script: the server does nothing else meanwhile, about a quarter of a
/// millisecond.
const CHUNK: usize = 64;
/// Scripts on their way at a time: more would only wait there, and run into the timeout.
const ON_THEIR_WAY: usize = 32;
/// Before a server that refused, or did not answer, is told again.
const PAUSE: Duration = Duration::from_millis(200);

/// Never ends. It belongs on the control thread.
pub(super) async fn run(counters: Arc<Counters>, interval: Duration) {
    let link = counters.links.sync().clone();
    let mut life = None;
    loop {
        let Some(number) = link.number().await else {
            counters.set_alone(true);
            link.until_up().await;
            continue;
        };
        if regain(&counters, &link, &mut life).await.is_err() {
            sleep(PAUSE).await;
            continue;
        }
        counters.set_alone(false);
        merge(&counters, &link, number, interval).await;
        counters.set_alone(true);
    }
}

/// Until the connection of this number is lost.
async fn merge(counters: &Counters, link: &Arc<Link>, number: u64, interval: Duration) {
    loop {
        tokio::select! {
            biased;
            () = link.until_gone(number) => return,
            () = counters.news.wait() => {}
        }
        sleep(interval).await;
        if link.number().await != Some(number) {
            // What there is to tell stays here, where it comes back as time goes on.
            return;
        }
        match round(counters, link).await {
            Ok(()) => counters.set_alone(false),
            // One that refuses (it is full, or a replica) is as good as none.
            Err(Failure::Refused(_)) => {
                counters.set_alone(true);
                if !writes_again(counters, link, number).await {
                    return;
                }
                counters.set_alone(false);
            }
            Err(_) => return,
        }
    }
}

/// Waits until a server that refused takes writes. What there was to tell may be none by then, and a
/// round without anything says nothing about the server. False where the connection is lost.
async fn writes_again(counters: &Counters, link: &Arc<Link>, number: u64) -> bool {
    let mut write = redis::cmd("SET");
    write.arg([&*counters.prefix, "probe"].concat()).arg(1).arg("PX").arg(1000);
    loop {
        tokio::select! {
            biased;
            () = link.until_gone(number) => return false,
            () = sleep(PAUSE) => {}
        }
        match link.call(&write).await {
            Ok(_) => return true,
            Err(Failure::Refused(_)) => {}
            Err(_) => return false,
        }
    }
}

/// Tells all there is. Of several failures the first one is given.
async fn round(counters: &Counters, link: &Arc<Link>) -> Result<(), Failure> {
    let since = counters.news.clear();
    let (charges, due): (Vec<_>, Vec<_>) =
        counters.local.due(&counters.under_way).into_iter().unzip();
    let mut all = Ok(());
    for (charges, due) in charges.chunks(WAVE).zip(due.chunks(WAVE)) {
        let chunks = charges.chunks(CHUNK).zip(due.chunks(CHUNK));
        let told = chunks.map(|(charges, due)| tell(counters, link, charges, due));
        all = all.and(join_all(told).await.into_iter().collect());
    }
    if all.is_ok() && !due.is_empty() {
        let took = Duration::from_nanos(counters.now().saturating_sub(since));
        counters.numbers.sync_seconds.observe(took.as_secs_f64());
    }
    counters.under_way.store(0, SeqCst);
    all
}

const WAVE: usize = CHUNK * ON_THEIR_WAY;

async fn tell(
    counters: &Counters,
    link: &Arc<Link>,
    charges: &[Charge],
    due: &[Due],
) -> Result<(), Failure> {
    let told = take::tell(link, &counters.prefix, &counters.local, due).await;
    if told.as_ref().is_err_and(Failure::is_without_effect) {
        // What may have arrived is not told again: others would count it twice. It is lost to them
        // if it did not, which is no more than was taken in one round.
        charges.iter().for_each(|charge| counters.local.still_due(charge));
        counters.news.there_are(|| counters.now());
    }
    told
}

/// Gives back what the server may have lost, if it is not the one (or not in the life) that it was.
async fn regain(
    counters: &Counters,
    link: &Arc<Link>,
    known: &mut Option<String>,
) -> Result<(), Failure> {
    let life = life(link).await?;
    if known.as_ref().is_some_and(|known| *known != life) {
        for seen in counters.local.known() {
            for wave in seen.chunks(WAVE) {
                let chunks = wave.chunks(CHUNK);
                let told = chunks.map(|due| take::restore(link, &counters.prefix, &life, due));
                join_all(told).await.into_iter().collect::<Result<(), _>>()?;
            }
        }
    }
    *known = Some(life);
    Ok(())
}

/// A name that a server gets at each start; empty where it is not told.
async fn life(link: &Arc<Link>) -> Result<String, Failure> {
    let mut info = redis::cmd("INFO");
    let told = match link.call(info.arg("server")).await {
        Ok(told) => redis::from_redis_value::<String>(told).unwrap_or_default(),
        Err(Failure::Refused(_)) => String::new(),
        Err(failure) => return Err(failure),
    };
    let run_id = told.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(run_id.unwrap_or_default().trim().chars().take(16).collect())
}
