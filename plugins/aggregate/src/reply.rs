//! The reply, of what came of the parts.

use torana_plugin_sdk::prelude::*;

use crate::{
    compose::{self, Join, Piece, Result as PartResult},
    fault::Fault,
    fields::Policy,
    json,
    place::Place,
    plan::Plan,
    refusal::{self, Stop},
    run::Done,
    settings::{Part, Settings},
    tree::Node,
};

/// Composes the reply. `places` are those of the parts, `vary` is for a reply that caches may keep.
pub(crate) fn reply(
    settings: &Settings,
    plan: &Plan,
    places: &[Place],
    vary: Option<&str>,
    done: &[Done],
    host: &impl Host,
) -> Result<Reply, Stop> {
    let parts = settings.parts.0.iter().zip(places).zip(done);
    let pieces = parts.map(|(((_, part), place), done)| piece(settings, part, place, done));
    let (mut body, unfit) = compose::compose(pieces.collect(), plan.order());
    unfit.iter().try_for_each(|&part| misplaced(settings, part, host))?;

    let labels = labels(settings, done, &unfit);
    let field = as_object(&labels);
    if let Some(name) = &settings.report.field {
        // The root is an object, so this fits.
        let _ = body.put(std::slice::from_ref(name), Node::Raw(&field));
    }
    let text = body.written(settings.max_bytes.bytes()).ok_or_else(refusal::too_large)?;

    let is_complete = labels.iter().all(|(_, label)| *label == "ok");
    let cache_control = if is_complete { &settings.cache_control } else { "no-store" };
    let mut reply = Reply { status: 200, headers: Vec::new(), body: text.into() }
        .header("content-type", "application/json")
        .header("cache-control", cache_control);
    if let Some(vary) = vary.filter(|_| is_complete) {
        reply = reply.header("vary", vary);
    }
    if let Some(name) = &settings.report.header.0 {
        reply = reply.header(&**name, as_header(&labels));
    }
    Ok(reply)
}

fn piece<'a>(settings: &Settings, part: &'a Part, place: &'a Place, done: &'a Done) -> Piece<'a> {
    let node = |result: &'a Option<String>| result.as_deref().map_or(Node::Nothing, Node::Raw);
    let result = match &part.each {
        None => match done.results.first() {
            Some(Some(result)) => PartResult::One(Node::Raw(result)),
            _ => PartResult::Nothing,
        },
        Some(_) if done.is_left_out() => PartResult::Nothing,
        Some(each) => PartResult::Each {
            elements: done.elements.iter().map(|&at| node(&done.results[at])).collect(),
            joined: match &part.gather {
                Some(keys) => Join::Gathered(&keys.0),
                None => Join::Elements { part: index(settings, &each.part), path: &each.path },
            },
        },
    };
    Piece { place, result }
}

/// The settings were checked: the part is there.
fn index(settings: &Settings, name: &str) -> usize {
    settings.parts.0.iter().position(|(known, _)| known == name).unwrap_or_default()
}

/// What cannot go where it should is a fault like others.
fn misplaced(settings: &Settings, part: usize, host: &impl Host) -> Result<(), Stop> {
    let (name, part) = &settings.parts.0[part];
    host.log().warn(format_args!("part `{name}` from `{}`: {}", part.to, Fault::Unfit));
    match part.on_error.0 {
        Policy::Fail | Policy::Pass => Err(refusal::of(name, &Fault::Unfit)),
        Policy::Omit | Policy::Default(_) => Ok(()),
    }
}

/// Each part's name, and a word for what came of it.
fn labels<'a>(
    settings: &'a Settings,
    done: &[Done],
    unfit: &[usize],
) -> Vec<(&'a str, &'static str)> {
    let parts = settings.parts.0.iter().zip(done).enumerate();
    parts
        .map(|(at, ((name, _), done))| {
            let is_unfit = unfit.contains(&at);
            (name.as_str(), if is_unfit { Fault::Unfit.label() } else { done.label() })
        })
        .collect()
}

/// `product=ok, reviews=timeout`: a dictionary of tokens (RFC 9651, 3.2).
fn as_header(labels: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = labels.iter().map(|(name, label)| format!("{name}={label}")).collect();
    pairs.join(", ")
}

fn as_object(labels: &[(&str, &str)]) -> String {
    let members: Vec<_> = labels
        .iter()
        .map(|(name, label)| format!("{}:{}", json::quoted(name), json::quoted(label)))
        .collect();
    format!("{{{}}}", members.join(","))
}
