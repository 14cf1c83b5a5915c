//! `torana check`: everything that `run` does before it opens a socket.

use std::{io, path::Path, sync::Arc};

use super::{Auditor, Logbook, Parts, vetting};
use crate::{
    config::{Config, Diagnostics, LoadOptions, Rejected, Source},
    plugin::Traces,
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
    let (mut config, mut diagnostics) = match Config::load(path, options) {
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
    let parts = Parts::new(config.gateway.workers, store, Traces::Short)?;
    let assembled = match vetting::vet(&mut config, options, &parts.room).await {
        Ok(()) => parts.workshop(None).assemble(&config).await.map(|assembled| assembled.warnings),
        Err(problems) => Err(problems),
    };
    let config = match assembled {
        Ok(warnings) => {
            diagnostics.append(warnings);
            Some(config)
        }
        Err(problems) => {
            diagnostics.append(problems);
            None
        }
    };
    if let Some(config) = &config {
        let problems = [Logbook::check(config), Auditor::check(config)];
        problems.into_iter().flatten().for_each(|problem| diagnostics.push(problem));
    }
    let config = config.filter(|_| !diagnostics.has_errors());
    diagnostics.sort();
    Ok(Checked { source, diagnostics, config })
}
