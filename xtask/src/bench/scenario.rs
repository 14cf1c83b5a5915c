//! What a scenario is, and who takes part in it.

use super::{load::Load, subject::Program};

/// One comparison.
pub(super) struct Scenario {
    /// How it is asked for.
    pub(super) name: &'static str,
    /// What it says in the report.
    pub(super) about: &'static str,
    pub(super) load: Load,
    /// Whether each is also asked at half the rate that it reaches.
    pub(super) half: bool,
    /// A part of the right answer.
    pub(super) expects: &'static str,
    /// What a right answer has not.
    pub(super) lacks: Option<&'static str>,
    /// Who takes part.
    pub(super) subjects: fn() -> Vec<Entry>,
}

/// A gateway with its configuration.
pub(super) struct Entry {
    /// How it is called in the report.
    pub(super) name: &'static str,
    pub(super) program: Program,
    /// Its file: `{port}`, `{backend}` and the like are filled in.
    pub(super) config: fn() -> String,
    /// How many cores it may use.
    pub(super) cores: usize,
    /// The WebAssembly module that `{filter}` stands for.
    pub(super) filter: Option<&'static str>,
}

impl Entry {
    pub(super) const fn new(name: &'static str, program: Program, config: fn() -> String) -> Self {
        Self { name, program, config, cores: 1, filter: None }
    }

    /// Whether the service is to see `x-checked: yes`.
    pub(super) fn marks(&self) -> bool {
        (self.config)().contains("x-checked")
            || self.filter.is_some_and(|name| name.ends_with("header"))
    }
}
