use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use torana_tests::{Backend, Gateway, reply};

use super::{named, plain, proxy};

/// Far more than a fast answer takes, however busy the machine is.
const SLOW: Duration = Duration::from_secs(2);

#[tokio::test]
async fn the_target_that_answers_sooner_gets_the_requests() {
    let slow = Backend::start_async(|_| async {
        torana_tests::pause(SLOW).await;
        reply(200, "slow")
    })
    .await;
    let fast = named("fast").await;
    let more = "balance = \"peak-ewma\"\ndecay = \"1h\"";
    let gateway = Gateway::start(&proxy(&plain(&[&slow, &fast]), more)).await;
    let client = gateway.client();
    for _ in 0..40 {
        client.get("/").await;
    }
    let (slow, fast) = (slow.received().len(), fast.received().len());
    assert!(slow <= 2 && fast >= 38, "one answer of each says enough: {slow}, {fast}");
}

#[tokio::test]
async fn a_target_that_becomes_slow_is_left_after_one_answer() {
    let is_slow = Arc::new(AtomicBool::new(false));
    let scripted = {
        let is_slow = is_slow.clone();
        move |_| {
            let pause = if is_slow.load(SeqCst) { SLOW } else { Duration::ZERO };
            async move {
                torana_tests::pause(pause).await;
                reply(200, "one")
            }
        }
    };
    let (one, two) = (Backend::start_async(scripted).await, named("two").await);
    let more = "balance = \"peak-ewma\"\ndecay = \"1h\"";
    let gateway = Gateway::start(&proxy(&plain(&[&one, &two]), more)).await;
    let client = gateway.client();
    // Each of them is asked once before anything is known.
    while one.received().is_empty() || two.received().is_empty() {
        client.get("/").await;
    }
    is_slow.store(true, SeqCst);
    let before = one.received().len();
    for _ in 0..40 {
        client.get("/").await;
    }
    let after = one.received().len() - before;
    assert!(after <= 2, "{after}");
}
