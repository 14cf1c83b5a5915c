//! Who has which key. Nothing here knows the gateway.

use std::{collections::BTreeMap, fmt};

use crate::{
    hash::{KeyHash, KeyId},
    settings::{Consumer, KeySetting},
};

/// All consumers, with their keys in the order in which they are looked for.
pub(crate) struct Registry {
    consumers: Vec<Consumer>,
    by_id: BTreeMap<KeyId, Place>,
    without_id: Vec<Place>,
}

/// A key: the consumer's number, and its number there.
#[derive(Clone, Copy)]
struct Place(usize, usize);

/// Whose key it is.
#[derive(Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) consumer: &'a Consumer,
    pub(crate) key: &'a KeySetting,
}

/// Why a key is not good. Its text is for the log.
#[derive(Clone, Copy)]
pub(crate) enum NotGood<'a> {
    TooLong,
    /// Nobody's. With the ID that is in it, which is no secret.
    Unknown(Option<KeyId>),
    Disabled(Identity<'a>),
    Expired(Identity<'a>),
}

/// The longest key that is looked at, in bytes: hashing takes time.
const MAX_KEY: usize = 1024;

impl Registry {
    pub(crate) fn new(consumers: Vec<Consumer>) -> Self {
        let (mut by_id, mut without_id) = (BTreeMap::new(), Vec::new());
        for (index, consumer) in consumers.iter().enumerate() {
            for (number, key) in consumer.keys.iter().enumerate() {
                let place = Place(index, number);
                match key.hash.id {
                    Some(id) => drop(by_id.insert(id, place)),
                    None => without_id.push(place),
                }
            }
        }
        Self { consumers, by_id, without_id }
    }

    /// Whose key this is, if it is good at `now` (milliseconds since 1970).
    pub(crate) fn identify(&self, key: &[u8], now: u64) -> Result<Identity<'_>, NotGood<'_>> {
        if key.len() > MAX_KEY {
            return Err(NotGood::TooLong);
        }
        let owner = self.owner(key).ok_or_else(|| NotGood::Unknown(KeyId::of(key)))?;
        if owner.consumer.disabled || owner.key.disabled {
            return Err(NotGood::Disabled(owner));
        }
        if owner.key.expires.as_ref().is_some_and(|expires| expires.is_past(now)) {
            return Err(NotGood::Expired(owner));
        }
        Ok(owner)
    }

    /// A key that is nobody's costs the same whatever is wrong with it: one hash by its ID (or a
    /// dummy), and one for each key without an ID, all of them. So time tells neither which IDs
    /// there are nor how near a guess is.
    fn owner(&self, key: &[u8]) -> Option<Identity<'_>> {
        let place = KeyId::of(key).and_then(|id| self.by_id.get(&id));
        let hash = place.map_or(&KeyHash::NOBODYS, |place| &self.at(*place).key.hash);
        let fits = bool::from(hash.fits(key));
        if let Some(place) = place.filter(|_| fits) {
            return Some(self.at(*place));
        }
        let mut owner = None;
        for &place in &self.without_id {
            if bool::from(self.at(place).key.hash.fits(key)) {
                owner = owner.or(Some(place));
            }
        }
        owner.map(|place| self.at(place))
    }

    fn at(&self, Place(consumer, key): Place) -> Identity<'_> {
        let consumer = &self.consumers[consumer];
        Identity { consumer, key: &consumer.keys[key] }
    }

    pub(crate) fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    /// Every key.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Identity<'_>> {
        let keys = |consumer: &'_ Consumer| consumer.keys.len();
        let places = self.consumers.iter().enumerate();
        places
            .flat_map(move |(index, consumer)| {
                (0..keys(consumer)).map(move |key| Place(index, key))
            })
            .map(|place| self.at(place))
    }
}

impl Identity<'_> {
    /// What to call the key: its name, or its ID. A key of another maker may have neither.
    pub(crate) fn key_name(&self) -> Option<&str> {
        let id = || self.key.hash.id.as_ref().map(KeyId::as_str);
        self.key.name.as_deref().or_else(id)
    }
}

/// "key `ci` of consumer `acme`"
impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key_name() {
            Some(name) => write!(f, "key `{name}` of consumer `{}`", self.consumer.id),
            None => write!(f, "a key of consumer `{}`", self.consumer.id),
        }
    }
}

impl fmt::Display for NotGood<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "refused: a key of more than {MAX_KEY} bytes"),
            Self::Unknown(None) => f.write_str("refused: an unknown key"),
            Self::Unknown(Some(id)) => {
                write!(f, "refused: an unknown key with ID `{}`", id.as_str())
            }
            Self::Disabled(owner) => write!(f, "refused: {owner} is disabled"),
            Self::Expired(owner) => {
                write!(f, "refused: {owner} has expired")?;
                match &owner.key.expires {
                    Some(moment) => write!(f, " at {moment}"),
                    None => Ok(()),
                }
            }
        }
    }
}
