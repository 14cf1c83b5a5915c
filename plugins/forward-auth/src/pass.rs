//! What becomes of a request that may pass.

use torana_plugin_sdk::{host::Change, http::are_twins, prelude::*};

use crate::{fields::Field, names::Pattern, settings::Settings};

/// Who a caller is. With another one none of it stays.
const IDENTITY: [&str; 4] = ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"];

/// Tells the upstream, later plugins and the client what the service has said: nothing, where it was not asked. What a
/// client sent in the place of it goes in any case.
pub(crate) fn pass(settings: &Settings, said: &[Field], host: &impl Host) -> Result<(), Failure> {
    let names = host.request().header_names();
    remove_twins_of_the_judged(settings, &names, host)?;
    remove_the_clients(settings, &names, host)?;
    set_attributes(settings, said, host)?;
    set_headers(&settings.request, said, host)?;
    let changes = changes(&settings.response, said);
    if !changes.is_empty() {
        host.response_ahead().edit(&changes)?;
    }
    Ok(())
}

fn set_attributes(settings: &Settings, said: &[Field], host: &impl Host) -> Result<(), Failure> {
    if settings.attributes.is_empty() {
        return Ok(());
    }
    let value = |of: &HeaderName| {
        let found = said.iter().find(|(name, value)| **name == **of && !value.is_empty());
        found.map(|(_, value)| value.clone())
    };
    let named = settings.attributes.iter();
    let mut values: Vec<_> = named.map(|(name, of)| (name.clone(), value(of))).collect();
    // Two halves make no consumer: what an earlier plugin said of another one goes.
    let id = values.iter().find(|(name, _)| name == "consumer.id").map(|(_, id)| id.clone());
    if id.is_some_and(|id| id != host.attributes().get("consumer.id")) {
        let others = IDENTITY.into_iter().filter(|name| !settings.attributes.contains_key(*name));
        values.extend(others.map(|name| (name.to_owned(), None)));
    }
    Ok(host.attributes().update(&values)?)
}

/// Of what the service has judged under one name, it has not seen what stands under another spelling.
fn remove_twins_of_the_judged(
    settings: &Settings,
    names: &[String],
    host: &impl Host,
) -> Result<(), Failure> {
    let judged: Vec<_> = settings.judged().collect();
    for name in names.iter().filter(|name| !judged.contains(&name.as_str())) {
        let twins: Vec<_> =
            judged.iter().copied().filter(|judged| are_twins(judged, name)).collect();
        if !twins.is_empty() {
            remove_alone(name, &twins, host)?;
        }
    }
    Ok(())
}

/// Removes a header, and none of these. With a name the host removes all its spellings with underscores.
fn remove_alone(name: &str, others: &[&str], host: &impl Host) -> Result<(), Failure> {
    let (request, edit) = (host.request(), host.request_edit());
    let spellings = others.iter().copied().filter(|other| other.contains('_'));
    let kept = spellings.map(|other| Ok((other, request.header_values(other)?)));
    let kept = kept.collect::<Result<Vec<_>, Failure>>()?;
    edit.remove_header(name)?;
    for (other, values) in kept {
        edit.remove_header(other)?;
        for value in values {
            edit.add_header(other, &value)?;
        }
    }
    Ok(())
}

/// Those that the service speaks under, and what upstreams may take for them.
fn remove_the_clients(
    settings: &Settings,
    names: &[String],
    host: &impl Host,
) -> Result<(), Failure> {
    let edit = host.request_edit();
    for name in names {
        if settings.request.iter().any(|pattern| pattern.covers_twin(name)) {
            edit.remove_header(name)?;
        }
    }
    for pattern in &settings.request {
        // Also what is not ours to read.
        if let Pattern::Name(name) = pattern {
            edit.remove_header(name)?;
        }
    }
    Ok(())
}

fn set_headers(patterns: &[Pattern], said: &[Field], host: &impl Host) -> Result<(), Failure> {
    let edit = host.request_edit();
    for (is_first, name, value) in chosen(patterns, said) {
        match is_first {
            true => edit.set_header(name, value)?,
            false => edit.add_header(name, value)?,
        }
    }
    Ok(())
}

fn changes(patterns: &[Pattern], said: &[Field]) -> Vec<Change> {
    let change = |(is_first, name, value)| match is_first && name != "set-cookie" {
        true => Change::set(name, value),
        // Cookies of the upstream stay beside ours.
        false => Change::add(name, value),
    };
    chosen(patterns, said).map(change).collect()
}

/// The fields that are meant, each with whether it is the first of its name.
fn chosen<'a>(
    patterns: &'a [Pattern],
    said: &'a [Field],
) -> impl Iterator<Item = (bool, &'a str, &'a str)> {
    let is_first = |at: usize, name: &str| said[..at].iter().all(|(known, _)| known != name);
    let meant = |name: &str| patterns.iter().any(|pattern| pattern.covers(name));
    let fields = said.iter().enumerate().filter(move |(_, (name, _))| meant(name));
    fields.map(move |(at, (name, value))| (is_first(at, name), name.as_str(), value.as_str()))
}
