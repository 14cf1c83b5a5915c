//! Which of several upstreams gets a request, when no plugin has said.

use http::HeaderName;

use crate::{
    config::{self, Condition, HashKey},
    fields::Fields,
    message::Exchange,
    random::random_u64,
    upstream::hash,
};

/// The shares of a route's upstreams, made ready.
pub struct Split {
    ways: Vec<Way>,
    by: Option<HashKey>,
}

/// One upstream. Its index in here is its index in the route.
struct Way {
    /// What its name hashes to: a key does not move because of the others' order in the file.
    id: u64,
    weight: u32,
    when: Vec<Wanted>,
}

/// A header that must be there, or have a value.
struct Wanted {
    name: HeaderName,
    value: Option<String>,
}

impl Split {
    /// The shares of a configuration, whose upstreams are the first ones of their route.
    pub fn new(settings: &config::Split) -> Self {
        let way = |share: &config::Share| Way {
            id: hash::of(share.upstream.as_bytes()),
            weight: share.weight,
            when: share.when.iter().filter_map(Wanted::new).collect(),
        };
        Self { ways: settings.shares.iter().map(way).collect(), by: settings.by.clone() }
    }

    /// The index of the upstream for this exchange.
    pub(super) fn choose(&self, exchange: &Exchange) -> usize {
        let headers = &exchange.request.headers;
        let forced = |way: &Way| !way.when.is_empty() && way.when.iter().all(|w| w.holds(headers));
        self.ways.iter().position(forced).unwrap_or_else(|| {
            let key = self.by.as_ref().and_then(|by| hash::key_of(by, exchange));
            self.nearest(key.unwrap_or_else(random_u64))
        })
    }

    /// The upstream that is nearest to a key. When weights change, only as many keys move as must:
    /// whoever is in the five percent is in the ten percent too.
    fn nearest(&self, key: u64) -> usize {
        let weighted = self.ways.iter().enumerate().filter(|(_, way)| way.weight > 0);
        let far = weighted.map(|(index, way)| (hash::distance(key, way.id, way.weight), index));
        far.min_by(|(a, _), (b, _)| a.total_cmp(b)).map_or(0, |(_, index)| index)
    }
}

impl Wanted {
    fn new(condition: &Condition) -> Option<Self> {
        Some(Self { name: condition.name.parse().ok()?, value: condition.value.clone() })
    }

    fn holds(&self, headers: &Fields) -> bool {
        match &self.value {
            None => headers.contains(&self.name),
            Some(value) => headers.get_all(&self.name).any(|v| v == value.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(shares: &[(&str, u32)], by: Option<HashKey>) -> Split {
        let share = |&(upstream, weight): &(&str, u32)| config::Share {
            upstream: upstream.into(),
            weight,
            when: Vec::new(),
        };
        Split::new(&config::Split { shares: shares.iter().map(share).collect(), by })
    }

    fn by_user() -> Option<HashKey> {
        Some(HashKey::Header("x-user".parse().unwrap()))
    }

    fn of(user: usize) -> Exchange {
        let mut exchange = Exchange::vacant();
        exchange.request.headers.insert("x-user", user.to_string().parse().unwrap());
        exchange
    }

    fn count(split: &Split, exchanges: impl Iterator<Item = Exchange>, index: usize) -> usize {
        exchanges.filter(|exchange| split.choose(exchange) == index).count()
    }

    /// Five standard deviations of the binomial distribution: off by chance once in two million.
    #[track_caller]
    fn assert_share(count: usize, of: usize, share: f64) {
        let (mean, deviation) = (of as f64 * share, (of as f64 * share * (1.0 - share)).sqrt());
        let off = (count as f64 - mean).abs();
        assert!(off <= 5.0 * deviation, "{count} of {of} is not {share}");
    }

    #[test]
    fn each_gets_its_share_by_chance_and_by_key() {
        let shares = [("catalog", 85), ("catalog-v2", 5), ("catalog-v3", 10)];
        let exact = [0.85, 0.05, 0.10];
        for (index, share) in exact.into_iter().enumerate() {
            let by_chance = split(&shares, None);
            assert_share(count(&by_chance, (0..10_000).map(of), index), 10_000, share);
            let by_key = split(&shares, by_user());
            assert_share(count(&by_key, (0..10_000).map(of), index), 10_000, share);
            // Without the key chance decides.
            let nobody = std::iter::repeat_with(Exchange::vacant).take(10_000);
            assert_share(count(&by_key, nobody, index), 10_000, share);
        }
    }

    #[test]
    fn all_and_nothing_are_exact() {
        for by in [None, by_user()] {
            assert_eq!(count(&split(&[("a", 0), ("b", 100)], by), (0..10_000).map(of), 0), 0);
        }
    }

    #[test]
    fn a_key_stays_where_it_is_whatever_else_changes() {
        let (few, more) = ([("a", 95), ("b", 5)], [("b", 10), ("a", 90), ("c", 0)]);
        let (few, more) = (split(&few, by_user()), split(&more, by_user()));
        let mut moved = 0;
        for user in 0..10_000 {
            let (before, after) = (few.choose(&of(user)), more.choose(&of(user)));
            assert_eq!(before, few.choose(&of(user)));
            // In the second list `b` stands first.
            assert!(before == 0 || after == 0, "{user} was with b and is no longer");
            moved += usize::from(before == 0 && after == 0);
        }
        assert_share(moved, 10_000, 0.05 + 0.05 * 0.05 / 0.95);
    }
}
