//! Answers of a hook that are none: each is a failure of the plugin, and the next request is answered.

use super::{Guest, MOST_MEMORY, start};

/// A hook that puts these words into memory and answers from 256.
fn answers(words: &[(u32, i64)]) -> Guest {
    let stores = words
        .iter()
        .map(|(at, word)| format!("(i32.store (i32.const {}) (i32.const {word})) ", 256 + at));
    Guest { handle: stores.collect::<String>() + "i32.const 256", ..Guest::default() }
}

/// `ok(respond(reply))` with these: status; pointer and length of the headers; case, pointer and length of
/// the body.
fn replies(status: i64, headers: (i64, i64), body: (i64, i64, i64)) -> Guest {
    answers(&[
        (4, 1),
        (8, status),
        (12, headers.0),
        (16, headers.1),
        (20, body.0),
        (24, body.1),
        (28, body.2),
    ])
}

/// The same with this text at 1024.
fn with_text(text: &str, guest: Guest) -> Guest {
    Guest { module: format!("(data (i32.const 1024) \"{text}\")"), ..guest }
}

const NO_HEADERS: (i64, i64) = (0, 0);
const NO_BODY: (i64, i64, i64) = (0, 0, 0);

/// 65,536 headers at 65536, of which all have the whole memory from 0 for their value.
fn the_same_text_again_and_again() -> Guest {
    let fill = "(local $i i32)
      (loop
        (i32.store offset=65548 (local.get $i) (i32.const 65536))
        (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (i32.const 0x100000))))";
    let guest = replies(200, (65536, 65536), NO_BODY);
    Guest {
        memory: "(memory (export \"memory\") 40)".into(),
        handle: format!("{fill} {}", guest.handle),
        ..guest
    }
}

#[tokio::test]
async fn an_answer_that_is_none_fails_one_request() {
    let answer = |handle: &str| Guest { handle: handle.into(), ..Guest::default() };
    for (name, guest) in [
        ("from nowhere", answer("i32.const -4")),
        ("from between", answer("i32.const 3")),
        ("neither ok nor error", answers(&[(0, 9)])),
        ("neither next nor a reply", answers(&[(4, 9)])),
        ("a trap", answer("unreachable")),
        ("a loop", answer("(loop (br 0)) unreachable")),
        ("all memory", answer("(drop (memory.grow (i32.const 4000))) unreachable")),
        ("status 0", replies(0, NO_HEADERS, NO_BODY)),
        ("status 65535", replies(65535, NO_HEADERS, NO_BODY)),
        ("status 101", replies(101, NO_HEADERS, NO_BODY)),
        ("headers from nowhere", replies(200, (-8, 1), NO_BODY)),
        ("four billions of headers", replies(200, (0, -1), NO_BODY)),
        ("headers from between", replies(200, (1, 1), NO_BODY)),
        ("the same text again and again", the_same_text_again_and_again()),
        ("a header without a name", replies(200, (4096, 1), NO_BODY)),
        ("a body of no kind", replies(200, NO_HEADERS, (7, 0, 0))),
        ("a body from nowhere", replies(200, NO_HEADERS, (2, -8, 64))),
        ("a body of 3 GiB", replies(200, NO_HEADERS, (2, 0, 0xc000_0000))),
        ("text that is none", with_text("\\ff\\fe", replies(200, NO_HEADERS, (1, 1024, 2)))),
    ] {
        let gateway = start(&guest.wasm()).await;
        for _ in 0..3 {
            let answer = gateway.client().get("/").await;
            assert_eq!(answer.status, 500, "{name}: {answer:?}");
        }
        assert_eq!(gateway.admin().get("/healthz").await.status, 200, "{name}");
        assert!(gateway.peak() < MOST_MEMORY, "{name}: {} MiB", gateway.peak() >> 20);
    }
}

#[tokio::test]
async fn an_answer_that_is_one_is_given() {
    let reply = with_text("well", replies(200, NO_HEADERS, (1, 1024, 4)));
    let gateway = start(&reply.wasm()).await;
    let answer = gateway.client().get("/").await;
    assert_eq!(
        (answer.status, answer.text()),
        (200, "well"),
        "the cases above are wrong in one thing"
    );
}
