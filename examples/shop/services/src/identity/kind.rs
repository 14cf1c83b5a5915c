//! The kinds of tokens that there are to ask for.

/// A kind of token. The first two are good; of the others each is bad in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Signed with RS256.
    Rs256,
    /// Signed with ES256.
    Es256,
    /// It was good until an hour ago.
    Expired,
    /// It will be good in an hour.
    Early,
    /// It is for another service.
    OtherAudience,
    /// It is of another issuer, or says so.
    OtherIssuer,
    /// `alg: none`, and no signature.
    Unsigned,
    /// Somebody else signed it, under the name of one of our keys.
    OtherKey,
    /// HS256, with the text of our public RSA key as the secret.
    Confused,
    /// The claims were changed after it was signed: the user is an admin.
    Changed,
}

const NAMED: [(&str, Kind); 10] = [
    ("rs256", Kind::Rs256),
    ("es256", Kind::Es256),
    ("expired", Kind::Expired),
    ("early", Kind::Early),
    ("other-audience", Kind::OtherAudience),
    ("other-issuer", Kind::OtherIssuer),
    ("alg-none", Kind::Unsigned),
    ("other-key", Kind::OtherKey),
    ("hs256", Kind::Confused),
    ("changed", Kind::Changed),
];

impl Kind {
    /// The kind that is asked for by `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// All names, for a message.
    pub(super) fn names() -> String {
        NAMED.map(|(name, _)| name).join(", ")
    }
}
