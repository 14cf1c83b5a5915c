//! A profile, ready for use.

use std::collections::BTreeMap;

use torana_plugin_sdk::{http::TagMark, prelude::*};

use crate::{
    plan::Plan,
    query::Query,
    rules::{Fault, Rules},
    settings::ProfileSettings,
};

/// A profile.
pub(crate) struct Profile {
    /// None if there is nothing to do.
    pub(crate) plan: Option<Plan>,
    pub(crate) query: Option<Query>,
    pub(crate) mark: TagMark,
}

/// Prepares all profiles; all that is wrong with them is said at once.
pub(crate) fn prepare(
    settings: BTreeMap<String, ProfileSettings>,
) -> Result<BTreeMap<String, Profile>, SettingErrors> {
    let mut profiles = BTreeMap::new();
    let mut errors = SettingErrors::new();
    for (name, settings) in settings {
        match Profile::new(settings) {
            Ok(profile) => {
                profiles.insert(name, profile);
            }
            Err(faults) => {
                for fault in faults {
                    let place = ["profiles".to_owned(), name.clone()].into_iter();
                    errors.add(place.chain(fault.setting), fault.message);
                }
            }
        }
    }
    errors.or(profiles)
}

impl Profile {
    fn new(mut settings: ProfileSettings) -> Result<Self, Vec<Fault>> {
        let mark = TagMark::of(&format!("{settings:?}"));
        let query = settings.jmespath.take().map(|text| Query::parse(&text)).transpose();
        let rules = Rules::from(settings);
        let mut faults = rules.faults();
        if let Err(text) = &query {
            faults.push(Fault::new(["jmespath"], text.clone()));
        }
        if let (Ok(query), true) = (query, faults.is_empty()) {
            let is_needed = !rules.is_empty();
            let plan = is_needed.then(|| Plan::new(&rules)).transpose();
            return Ok(Self { plan: plan.map_err(|fault| vec![fault])?, query, mark });
        }
        Err(faults)
    }
}
