//! What the TOML can say.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{
            Error, MapAccess, SeqAccess, Visitor,
            value::{MapAccessDeserializer, SeqAccessDeserializer},
        },
    },
};

use crate::{limit::Limit, method::Method, name::Name, network::Prefixes, source::Source};

/// How often each consumer may call.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// One limit: "100/1m", or a table with `limit`, `algorithm`, `burst` and `name`.
    pub(crate) limit: Option<Limit>,
    /// Several limits: all of them must allow a request, or none counts it.
    pub(crate) limits: Option<Vec<Limit>>,
    /// Limits by the consumer's tier: one, a list, or "unlimited". Who has none of these tiers has
    /// `limit` or `limits`; where there are none of these either, it is refused.
    pub(crate) tiers: BTreeMap<String, TierLimits>,
    /// Where the tier stands: `attributes.NAME` or `claims.NAME`.
    pub(crate) tier: TierSource,
    /// Who is counted: `attributes.NAME`, `claims.NAME`, `client.address`, `params.NAME`,
    /// `request.header.NAME`, `request.query.NAME`, or a list of these. An empty list counts all
    /// requests together.
    pub(crate) key: Key,
    /// What becomes of a request that has no key.
    pub(crate) missing_key: MissingKey,
    /// Routes whose policies have one name count together. Without it, the route's name.
    pub(crate) policy: Option<Name>,
    /// What a request costs. 0: it is not counted.
    pub(crate) cost: u64,
    /// What a request costs, by method.
    pub(crate) method_costs: BTreeMap<Method, u64>,
    /// How many bits of an IPv4 address tell clients apart.
    #[schemars(range(min = 1, max = 32))]
    pub(crate) ipv4_prefix: u8,
    /// How many bits of an IPv6 address tell clients apart: by default a /64, which is what one
    /// customer of a provider has at the least.
    #[schemars(range(min = 1, max = 128))]
    pub(crate) ipv6_prefix: u8,
    /// What becomes of requests when the counters do not answer.
    pub(crate) store_error: StoreError,
    /// Whether responses have `RateLimit-Policy` and `RateLimit`.
    pub(crate) fields: bool,
    /// Whether responses have `X-RateLimit-Limit`, `-Remaining` and `-Reset`, and what the last one
    /// is: seconds from now, or a moment in seconds since 1970.
    pub(crate) legacy_fields: LegacyFields,
    /// Whether later plugins and the access log find what `RateLimit-Policy` and `RateLimit` say in attributes:
    /// `NAME.ratelimit-policy` and `NAME.ratelimit`, where NAME is the entry's.
    pub(crate) attributes: bool,
    /// Counts and logs, but refuses nobody.
    pub(crate) dry_run: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: None,
            limits: None,
            tiers: BTreeMap::new(),
            tier: TierSource(Source::Attribute("consumer.tier".into())),
            key: Key(vec![Source::Attribute("consumer.id".into())]),
            missing_key: MissingKey::Deny,
            policy: None,
            cost: 1,
            method_costs: BTreeMap::new(),
            ipv4_prefix: 32,
            ipv6_prefix: 64,
            store_error: StoreError::Deny,
            fields: true,
            legacy_fields: LegacyFields::None,
            attributes: false,
            dry_run: false,
        }
    }
}

/// What becomes of a request that has no key.
#[settings]
#[derive(Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MissingKey {
    /// It is refused with 403.
    Deny,
    /// It goes on uncounted.
    Allow,
    /// It is counted by the client's address.
    Ip,
}

/// What becomes of requests when the counters do not answer.
#[settings]
#[derive(Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreError {
    /// They are refused with 503.
    Deny,
    /// They go on uncounted.
    Allow,
}

/// Which older response fields there are.
#[settings]
#[derive(Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LegacyFields {
    /// None.
    None,
    /// `X-RateLimit-Reset` is a number of seconds.
    Seconds,
    /// `X-RateLimit-Reset` is a moment, in seconds since 1970.
    Timestamp,
}

/// Limits of one tier. None at all: it is unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TierLimits(pub(crate) Vec<Limit>);

/// Whom a bucket counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) Vec<Source>);

/// Where the tier stands. Nothing that the client writes: it would choose its own limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TierSource(pub(crate) Source);

/// The host takes 64 buckets at once; each of these costs time on every request.
const MAX_LIMITS: usize = 16;
const MAX_SOURCES: usize = 8;

impl Settings {
    /// The bits of addresses that count.
    pub(crate) fn prefixes(&self) -> Prefixes {
        Prefixes { ipv4: self.ipv4_prefix, ipv6: self.ipv6_prefix }
    }

    /// The limits of everybody who has no tier's.
    pub(crate) fn base(&self) -> Option<&[Limit]> {
        self.limits.as_deref().or(self.limit.as_ref().map(std::slice::from_ref))
    }

    /// The limits that hold for a tier. None: there are none for it.
    pub(crate) fn limits_of(&self, tier: Option<&str>) -> Option<&[Limit]> {
        let of_tier = tier.and_then(|tier| self.tiers.get(tier));
        of_tier.map(|tier| &*tier.0).or_else(|| self.base())
    }

    /// What a request costs. Some services take `post` for POST: in lower case it is no cheaper.
    pub(crate) fn cost_of(&self, method: &str) -> u64 {
        let method = &*method.to_ascii_uppercase();
        let named = |method: &str| self.method_costs.get(method).copied();
        // HEAD is GET without the body (RFC 9110, 9.3.2): it is no way around GET's price.
        let as_get = || (method == "HEAD").then(|| named("GET")).flatten();
        named(method).or_else(as_get).unwrap_or(self.cost)
    }

    /// Says what hooks read for the key, and what they let nobody through without.
    pub(crate) fn announce(&self, setup: &impl Setup) {
        for (index, source) in self.key.0.iter().enumerate() {
            let index = index.to_string();
            let path = if self.key.0.len() == 1 { vec!["key"] } else { vec!["key", &index] };
            match source {
                Source::Header(name) => setup.reads_header(name, path),
                Source::Param(name) if self.refuses_without_key() => setup.needs_param(name, path),
                Source::Param(name) => setup.reads_param(name, path),
                _ => {}
            }
        }
    }

    /// Whether nobody gets through without a key: nobody who pays nothing, or has no limit, is asked for one.
    fn refuses_without_key(&self) -> bool {
        let is_free = self.cost == 0 || self.method_costs.values().any(|cost| *cost == 0);
        let is_unlimited = self.tiers.values().any(|tier| tier.0.is_empty());
        self.missing_key == MissingKey::Deny && !self.dry_run && !is_free && !is_unlimited
    }

    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        self.check_limits(&mut errors);
        self.check_costs(&mut errors);
        for (name, bits, most) in
            [("ipv4_prefix", self.ipv4_prefix, 32), ("ipv6_prefix", self.ipv6_prefix, 128)]
        {
            if !(1..=most).contains(&bits) {
                errors.add([name], format!("{bits} bits cannot be; write 1 to {most}"));
            }
        }
        errors.or(())
    }

    fn check_limits(&self, errors: &mut SettingErrors) {
        if self.base().is_none() && self.tiers.is_empty() {
            errors.extend(SettingErrors::of_all(
                "nothing is limited: write `limit` = \"100/1m\", or `limits`, or `tiers`",
            ));
        }
        if self.limit.is_some() && self.limits.is_some() {
            let text = "`limit` and `limits` are both set: write one of them (a chain's `config` \
                        is laid over the plugin's own, key by key)";
            errors.add(["limits"], text);
        }
        for (path, limits) in self.lists() {
            let may_be_empty = path[0] == "tiers";
            if limits.is_empty() && !may_be_empty {
                errors.add(&path, "an empty list limits nothing: write a limit, like \"100/1m\"");
            }
            if limits.len() > MAX_LIMITS {
                errors.add(&path, format!("more than {MAX_LIMITS} limits at once: remove some"));
            }
            for (index, limit) in limits.iter().enumerate() {
                if limits[..index].iter().any(|other| other.name == limit.name) {
                    let text = format!(
                        "two limits are called `{}`, so they would be one: give each a `name` of \
                         its own",
                        limit.name
                    );
                    errors.add(path.iter().copied().chain([&*index.to_string()]), text);
                }
            }
        }
    }

    fn check_costs(&self, errors: &mut SettingErrors) {
        let costs = self.method_costs.iter().map(|(method, cost)| {
            let path = vec!["method_costs", &**method];
            (path, *cost)
        });
        let costs: Vec<_> = [(vec!["cost"], self.cost)].into_iter().chain(costs).collect();
        if costs.iter().all(|(_, cost)| *cost == 0) {
            errors.add(["cost"], "nothing is counted: write a cost of at least 1");
        }
        let limits = || self.lists().into_iter().flat_map(|(_, limits)| limits);
        let Some(tightest) = limits().min_by_key(|limit| limit.capacity()) else { return };
        for (path, cost) in costs {
            if cost > tightest.capacity() {
                let (name, most) = (&tightest.name, tightest.capacity());
                let text = format!(
                    "a cost of {cost} would never fit: limit `{name}` lets {most} in at once"
                );
                errors.add(path, text);
            }
        }
    }

    /// Every list of limits that holds together, and where it stands.
    fn lists(&self) -> Vec<(Vec<&str>, &[Limit])> {
        let limit = self.limit.as_ref().map(|one| (vec!["limit"], std::slice::from_ref(one)));
        let limits = self.limits.as_ref().map(|all| (vec!["limits"], all.as_slice()));
        let tiers = self.tiers.iter().map(|(tier, all)| (vec!["tiers", tier], all.0.as_slice()));
        limit.into_iter().chain(limits).chain(tiers).collect()
    }
}

impl<'de> Deserialize<'de> for TierLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = TierLimits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a limit like \"100/1m\", a list of limits, or \"unlimited\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TierLimits, E> {
        if text == "unlimited" {
            return Ok(TierLimits(Vec::new()));
        }
        let rate = crate::rate::Rate::parse(text);
        rate.map(|rate| TierLimits(vec![rate.into()])).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<TierLimits, A::Error> {
        Limit::deserialize(MapAccessDeserializer::new(table)).map(|limit| TierLimits(vec![limit]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<TierLimits, A::Error> {
        let limits = Vec::<Limit>::deserialize(SeqAccessDeserializer::new(list))?;
        if limits.is_empty() {
            return Err(A::Error::custom("an empty list: write limits, or \"unlimited\""));
        }
        Ok(TierLimits(limits))
    }
}

impl JsonSchema for TierLimits {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TierLimits".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let limit = generator.subschema_for::<Limit>();
        json_schema!({
            "anyOf": [
                { "const": "unlimited" },
                limit,
                { "type": "array", "items": limit, "minItems": 1, "maxItems": MAX_LIMITS },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Source {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let named = "(attributes|claims|params|request\\.(header|query))\\..+";
        json_schema!({ "type": "string", "pattern": format!("^(client\\.address|{named})$") })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMoreSources)
    }
}

struct OneOrMoreSources;

impl<'de> Visitor<'de> for OneOrMoreSources {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name like \"claims.sub\", or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
        Source::parse(text).map(|source| Key(vec![source])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Key, A::Error> {
        let mut sources = Vec::new();
        while let Some(source) = list.next_element::<Source>()? {
            if sources.contains(&source) {
                return Err(A::Error::custom(format!("`{source}` stands there twice")));
            }
            if sources.len() == MAX_SOURCES {
                let text = format!("a key has at most {MAX_SOURCES} parts: remove some");
                return Err(A::Error::custom(text));
            }
            sources.push(source);
        }
        Ok(Key(sources))
    }
}

impl JsonSchema for Key {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let source = generator.subschema_for::<Source>();
        json_schema!({
            "anyOf": [
                source,
                {
                    "type": "array",
                    "items": source,
                    "maxItems": MAX_SOURCES,
                    "uniqueItems": true,
                },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for TierSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Source::deserialize(deserializer)? {
            source @ (Source::Attribute(_) | Source::Claim(_)) => Ok(Self(source)),
            source => Err(D::Error::custom(format!(
                "`{source}` is the client's to choose, and so would be its limits: write \
                 `attributes.NAME` or `claims.NAME`"
            ))),
        }
    }
}

impl JsonSchema for TierSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TierSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(attributes|claims)\\..+$" })
    }
}
