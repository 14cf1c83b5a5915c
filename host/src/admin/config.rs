//! `/config`: the file in service, and the last one if it was refused.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Refused, Status};

pub(super) fn page(status: &Status) -> Value {
    let config = &status.service.config;
    let sha256 = config.reads.files.first().and_then(|file| file.found.flatten());
    let paths = config.reads.files.iter().map(|file| file.path.display().to_string());
    json!({
        "file": config.source.path.display().to_string(),
        "sha256": sha256.map(hex::encode),
        "loaded": time(status.service.since),
        "watched": config.gateway.watch,
        "files": paths.collect::<Vec<_>>(),
        "refused": status.refused.as_ref().map(refused),
        "config": config.source.show(&config.reads),
    })
}

fn refused(refused: &Refused) -> Value {
    let rejected = &refused.rejected;
    json!({
        "at": time(refused.at),
        "problems": rejected.diagnostics.show(&rejected.source, &rejected.reads),
    })
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
