//! Whom a request is for, as a number. Every gateway computes the same one, now and after an
//! update: a key must not move because a process was replaced.

use std::net::IpAddr;

use http::header::COOKIE;

use super::Upstream;
use crate::{
    config::{Balance, HashKey},
    fields::Fields,
    message::Exchange,
};

/// For whom a request is sent. Without anything of it: a plugin's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller {
    /// Whom it is for, where targets are chosen by that.
    pub(super) key: Option<u64>,
    /// Whether the client whose session it is came over TLS.
    pub(super) https: Option<bool>,
}

impl Caller {
    /// The client of an exchange that goes to this upstream.
    pub fn of(upstream: &Upstream, exchange: &Exchange) -> Self {
        Self { key: upstream.key(exchange), https: Some(exchange.client.https) }
    }
}

impl Upstream {
    /// What the exchange is hashed by; none where targets are chosen otherwise, or where the
    /// exchange has no such thing.
    fn key(&self, exchange: &Exchange) -> Option<u64> {
        let Balance::Hash(key) = &self.settings.balance else { return None };
        key_of(key, exchange)
    }
}

/// The exchange's key; none where it has no such thing.
pub fn key_of(key: &HashKey, exchange: &Exchange) -> Option<u64> {
    match key {
        HashKey::Client => Some(of_address(exchange.client.address)),
        HashKey::Header(name) => exchange.request.headers.get(name).map(|v| of(v.as_bytes())),
        HashKey::Cookie(name) => cookie(&exchange.request.headers, name).map(of),
        HashKey::Attribute(name) => exchange.attributes.get(name).map(|v| of(v.as_bytes())),
    }
}

/// FNV-1a, and then mixed: its upper bits alone are not good enough.
pub fn of(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// How far a key is from a target; from one of twice the weight it is half as far. The negative
/// logarithm makes the chance of being nearest exactly the weight's share.
pub fn distance(key: u64, target: u64, weight: u32) -> f64 {
    let uniform = ((mix(key ^ target) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -uniform.ln() / f64::from(weight)
}

/// The finalizer of splitmix64.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn of_address(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => of(&address.octets()),
        IpAddr::V6(address) => of(&address.octets()),
    }
}

/// RFC 6265, 5.4: `name=value; name=value`. The first one counts.
fn cookie<'a>(headers: &'a Fields, name: &str) -> Option<&'a [u8]> {
    let all = headers.get_all(COOKIE);
    let mut pairs = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        upstream::tests::{build, settings},
    };

    fn key(by: HashKey, change: impl Fn(&mut Exchange)) -> Option<u64> {
        let settings = settings(&["127.0.0.1:1".parse().unwrap()]);
        let upstream = build(config::Upstream { balance: Balance::Hash(by), ..settings });
        let mut exchange = Exchange::vacant();
        change(&mut exchange);
        upstream.key(&exchange)
    }

    #[test]
    fn the_numbers_are_forever() {
        assert_eq!(of(b""), 0xf52a_15e9_a9b5_e89b);
        assert_eq!(of(b"alice"), 0xc5d1_556d_6677_4a5c);
    }

    #[test]
    fn each_kind_of_key() {
        let cookies = |text: &'static str| {
            move |exchange: &mut Exchange| {
                exchange.request.headers.insert(COOKIE, text.parse().unwrap());
            }
        };
        let session = || HashKey::Cookie("id".into());
        assert_eq!(key(session(), cookies("a=1;  id=x y ; b=2")), Some(of(b"x y")));
        assert_eq!(key(session(), cookies("xid=1; idx=2; id")), None);
        assert_eq!(key(session(), |_| ()), None);

        let by_header = HashKey::Header("x-key".parse().unwrap());
        let header = |exchange: &mut Exchange| {
            exchange.request.headers.append("x-key", "one".parse().unwrap());
            exchange.request.headers.append("x-key", "two".parse().unwrap());
        };
        assert_eq!(key(by_header, header), Some(of(b"one")));

        let by_attribute = || HashKey::Attribute("consumer.id".into());
        let attribute = |exchange: &mut Exchange| {
            exchange.attributes.set("consumer.id".into(), "alice".into());
        };
        assert_eq!(key(by_attribute(), attribute), Some(of(b"alice")));
        assert_eq!(key(by_attribute(), |_| ()), None);

        let mapped = |exchange: &mut Exchange| {
            exchange.client.address = "::ffff:10.0.0.1".parse().unwrap();
        };
        assert_eq!(key(HashKey::Client, mapped), Some(of(&[10, 0, 0, 1])));
    }

    #[test]
    fn other_rules_take_no_key() {
        let upstream = build(settings(&["127.0.0.1:1".parse().unwrap()]));
        assert_eq!(upstream.key(&Exchange::vacant()), None);
    }
}
