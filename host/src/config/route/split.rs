//! `split` and `split_by`: several upstreams, each with its share.

use std::sync::Arc;

use super::{
    super::{
        Diagnostic, HashKey,
        keys::{Kind, Shape, key},
        table::Table,
        upstream::hash_key,
    },
    Condition,
    matching::{CONDITIONS, conditions, header_name},
    refer,
};

/// Where requests go when no plugin has chosen.
#[derive(Debug, Clone)]
pub struct Split {
    /// At least one, and at least one with a weight. Each upstream once.
    pub shares: Vec<Share>,
    /// Whose requests stay together; chance decides where there is none.
    pub by: Option<HashKey>,
}

/// One upstream of a split.
#[derive(Debug, Clone)]
pub struct Share {
    /// Its name.
    pub upstream: Arc<str>,
    /// Its share of the requests, against the others' weights. Zero gets none by chance.
    pub weight: u32,
    /// Request headers that lead here, whatever the weights; every one must hold.
    pub when: Vec<Condition>,
}

/// What may stand for `split`.
pub(super) const SPLIT: Kind = Kind::List(&Kind::Table(&SHARE));

static SHARE: Shape = Shape {
    id: "share",
    place: "`split` of [[routes]]",
    about: "One of the upstreams that share a route's requests.",
    keys: &[
        key("upstream", Kind::Text("catalog-v2"), "Its name.").required(),
        key(
            "weight",
            Kind::Integer(0, 10_000),
            "Its share of the requests, against the weights of the others. With 0 it gets those \
             that `when` or a plugin sends.",
        )
        .or("1"),
        key(
            "when",
            Kind::Table(&WHEN),
            "Requests that go here whatever the weights. The first share whose `when` holds counts.",
        ),
    ],
};

static WHEN: Shape = Shape {
    id: "share_when",
    place: "`when` of a share",
    about: "Requests that go to one share. All that is given must hold.",
    keys: &[key(
        "headers",
        CONDITIONS,
        "Headers that must be there (true) or have a value, when the plugins have seen the request.",
    )
    .required()],
};

/// Reads both.
pub(super) fn read(table: &Table<'_>) -> Option<Split> {
    let by = table.get("split_by");
    let Some(value) = table.get("split") else {
        if let Some(by) = by {
            let message = "`split_by` means nothing without `split`";
            table.cx.report(Diagnostic::error(by.span, message));
        }
        return None;
    };
    let mut shares: Vec<Share> = Vec::new();
    for entry in value.list() {
        let Some(share) = entry.table().and_then(|entry| share(&entry)) else { continue };
        if shares.iter().any(|known| known.upstream == share.upstream) {
            let problem = Diagnostic::error(entry.span, "this upstream has two shares");
            table.cx.report(problem.label("the second one").help("add their weights".to_owned()));
        }
        shares.push(share);
    }
    let has_none = !shares.is_empty() && shares.iter().all(|share| share.weight == 0);
    if has_none || value.is_empty_list() {
        let problem = Diagnostic::error(value.span, "`split` needs an upstream with a weight");
        let help = "write split = [{ upstream = \"NAME\", weight = 95 }, ...]";
        table.cx.report(problem.label("nothing gets a share").help(help.to_owned()));
    }
    Some(Split { shares, by: by.and_then(|by| hash_key(&by, "split_by")) })
}

fn share(table: &Table<'_>) -> Option<Share> {
    let when = table.get("when").and_then(|value| value.table());
    let when = when.map(|when| conditions(&when, "headers", header_name));
    Some(Share {
        upstream: refer(table.cx, &table.cx.names.upstreams, table.text("upstream")?),
        weight: table.integer("weight") as u32,
        when: when.unwrap_or_default(),
    })
}
