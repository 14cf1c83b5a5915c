//! What must be so before a byte of a plugin runs.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Parts;
use crate::{
    config::{ComponentRef, Config, Diagnostic, Diagnostics, LoadOptions},
    plugin::{Description, PluginRoom, Traces},
    store::Store,
    trust,
};

/// Refuses a configuration whose components are not those that somebody has looked at.
pub(super) async fn vet(
    config: &mut Config,
    options: &LoadOptions,
    room: &PluginRoom,
) -> Result<(), Diagnostics> {
    trust::hold_to_signatures(config)?;
    match options.locked {
        true => trust::hold_to_lock(config, async |file: &Path| room.describe(file).await).await,
        false => Ok(()),
    }
}

/// Reads the type of a component.
pub async fn describe(file: &Path) -> Result<Description, String> {
    let parts = Parts::new(1, Store::memory(), Traces::Short).map_err(|error| error.to_string())?;
    parts.room.describe(file).await
}

/// What a component says of its settings, as JSON Schema; none where it says nothing.
pub async fn schema_of(component: ComponentRef) -> Result<Option<Value>, String> {
    let parts = Parts::new(1, Store::memory(), Traces::Short).map_err(|error| error.to_string())?;
    let schema = parts.room.schema_of(component).await;
    schema.map_err(|Diagnostic { message, help, .. }| match help {
        Some(help) => format!("{message}; {help}"),
        None => message,
    })
}

/// Reads the types of all components.
pub async fn describe_all(config: &Config) -> Result<HashMap<PathBuf, Description>, String> {
    let parts = Parts::new(1, Store::memory(), Traces::Short).map_err(|error| error.to_string())?;
    let mut all = HashMap::new();
    for plugin in &config.plugins {
        let (path, written) = (&plugin.component.path, &plugin.component.written);
        let described = parts.room.describe(path).await;
        all.insert(path.clone(), described.map_err(|why| format!("{written}: {why}"))?);
    }
    Ok(all)
}
