//! Which rule decides. Nothing here knows the gateway.

use std::fmt;

use crate::{
    expression::{Facts, Name},
    settings::{Effect, Rule, Settings},
};

/// The rules, in order, and what holds where none decides.
pub(crate) struct Policy {
    pub(crate) rules: Vec<Rule>,
    /// What each rule is called: by its own name, or `rule 1` for the first.
    names: Vec<String>,
    default: Effect,
    role_claim: Name,
}

/// What was decided, and by what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) effect: Effect,
    /// The number of the rule; none where no rule decided.
    rule: Option<usize>,
    /// What could not be answered on the way, for the log.
    notes: Vec<String>,
}

impl Policy {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { rules, default, role_claim, .. } = settings;
        let name = |(index, rule): (usize, &Rule)| {
            rule.name.clone().unwrap_or_else(|| format!("rule {}", index + 1))
        };
        let names = rules.iter().enumerate().map(name).collect();
        Self { rules, names, default, role_claim: Name::Claims(role_claim.0) }
    }

    /// The first rule that matches decides.
    ///
    /// One that cannot be answered is taken in the safe way: it does not allow, and it does deny.
    /// That never lets more through than an answer would have.
    pub(crate) fn decide(&self, facts: &impl Facts) -> Decision {
        let mut notes = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let matches = rule.matches(facts, &self.role_claim).unwrap_or_else(|why| {
                notes.push(format!("{}: {why}", self.names[index]));
                rule.effect == Effect::Deny
            });
            if matches {
                return Decision { effect: rule.effect, rule: Some(index), notes };
            }
        }
        Decision { effect: self.default, rule: None, notes }
    }

    /// Whether to be known could have made this denial an approval.
    pub(crate) fn asks_who(&self, decision: &Decision) -> bool {
        match decision.rule {
            Some(index) => self.rules[index].asks_who(),
            None => self.rules.iter().any(|rule| rule.effect == Effect::Allow && rule.asks_who()),
        }
    }

    /// Whether some rule looks at the claims.
    pub(crate) fn reads_claims(&self) -> bool {
        self.rules.iter().any(Rule::reads_claims)
    }

    /// What to call the rule that decided, for the log and the attribute `rule`.
    pub(crate) fn decider(&self, decision: &Decision) -> &str {
        decision.rule.map_or("default", |index| &self.names[index])
    }
}

/// The notes, each behind a semicolon.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}
