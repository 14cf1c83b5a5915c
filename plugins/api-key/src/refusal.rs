//! What a client hears whose key is missing or not good.

use torana_plugin_sdk::prelude::*;

use crate::{settings::Settings, source::Unclear};

/// The replies, made once.
pub(crate) struct Refusals {
    challenges: Vec<String>,
    missing: String,
}

impl Refusals {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut challenges = Vec::new();
        for source in &settings.from {
            let challenge = source.challenge(&settings.realm);
            if !challenges.contains(&challenge) {
                challenges.push(challenge);
            }
        }
        let places: Vec<_> = settings.from.iter().map(ToString::to_string).collect();
        let missing = format!("An API key is needed, {}.", places.join(", or "));
        Self { challenges, missing }
    }

    /// There is no key.
    pub(crate) fn missing(&self) -> Reply {
        self.challenged("missing-key", &self.missing)
    }

    /// One text for unknown, wrong, expired and disabled keys: which it is helps those who guess.
    pub(crate) fn not_good(&self) -> Reply {
        self.challenged("invalid-key", "The API key is not valid.")
    }

    fn challenged(&self, kind: &str, detail: &str) -> Reply {
        let reply = Reply::problem(401, kind, detail);
        self.challenges
            .iter()
            .fold(reply, |reply, challenge| reply.header("www-authenticate", challenge))
    }
}

/// There is no telling which key is meant: a guess is how checks are got around.
pub(crate) fn unclear(why: Unclear) -> Reply {
    let (kind, detail) = match why {
        Unclear::Repeated => ("repeated-key", "The API key stands there more than once."),
        Unclear::Several => ("several-keys", "There are several API keys, and they differ."),
        Unclear::Malformed => {
            ("malformed-key", "The credentials in `authorization` cannot be read.")
        }
    };
    Reply::problem(400, kind, detail)
}
