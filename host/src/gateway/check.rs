//! `torana check`: everything that `run` does before it opens a socket.

use std::{io, path::Path, sync::Arc};

use super::{Logbook, Parts};
use crate::{
    config::{Config, Diagnostics, LoadOptions, Rejected, Source},
    plugin::Description,
    store::Store,
};

/// What a file was found to be.
pub struct Checked {
    /// The text, for rendering; none if it could not be read.
    pub source: Arc<Source>,
    /// Errors and warnings.
    pub diagnostics: Diagnostics,
    /// The configuration, if there are no errors.
    pub config: Option<Config>,
}

/// Looks at a file as `run` would, and serves nothing. Plugins are instantiated and take their
/// settings; no socket is opened.
pub async fn check(path: &Path, options: &LoadOptions) -> io::Result<Checked> {
    let (config, mut diagnostics) = match Config::load(path, options) {
        Ok(loaded) => loaded,
        Err(Rejected { source, diagnostics, .. }) => {
            return Ok(Checked { source, diagnostics, config: None });
        }
    };
    let source = config.source.clone();
    let store = Store::new(&config.store, config.gateway.workers).unwrap_or_else(|problem| {
        diagnostics.push(problem);
        Store::memory()
    });
    let parts = Parts::new(config.gateway.workers, store)?;
    let config = match parts.workshop(None).assemble(&config).await {
        Ok(_) => Some(config),
        Err(problems) => {
            diagnostics.append(problems);
            None
        }
    };
    config.iter().filter_map(Logbook::check).for_each(|problem| diagnostics.push(problem));
    let config = config.filter(|_| !diagnostics.has_errors());
    diagnostics.sort();
    Ok(Checked { source, diagnostics, config })
}

/// Reads the type of a component.
pub fn describe(file: &Path) -> Result<Description, String> {
    let parts = Parts::new(1, Store::memory()).map_err(|error| error.to_string())?;
    parts.room.describe(file)
}
