//! `torana run FILE`

use std::{path::PathBuf, process::ExitCode};

use tracing::{error, info, warn};

use super::{
    logging::{self, LogFormat},
    output,
    signals::{Signals, Wish},
    supervisor::Supervisor,
};
use crate::{
    config::{Diagnostic, Diagnostics, LoadOptions, Severity, Source},
    gateway::{Gateway, Predecessor, Sockets, StartError},
};

/// Arguments of `run`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    pub(super) file: PathBuf,
    /// What to log: a level, or `TARGET=LEVEL,...`. The environment's TORANA_LOG wins.
    #[arg(long, default_value = "info")]
    log: String,
    /// How to log.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Refuse plugins that are not as torana.lock has them, at the start and at every reload.
    #[arg(long)]
    locked: bool,
}

pub(super) fn run(arguments: Arguments, options: LoadOptions) -> ExitCode {
    if let Err(why) = logging::start(&arguments.log, arguments.log_format) {
        return output::fail(why);
    }
    let options = LoadOptions { locked: arguments.locked, ..options };
    // It changes the environment: nobody else may look at it yet.
    let given = match Sockets::from_environment() {
        Ok(given) => given,
        Err(why) => return output::fail(why),
    };
    let served = output::control_runtime().map(|runtime| {
        let code = runtime.block_on(serve(arguments, options, given));
        // Background work has no say in when the process ends.
        runtime.shutdown_background();
        code
    });
    served.unwrap_or_else(output::fail)
}

async fn serve(
    arguments: Arguments,
    options: LoadOptions,
    (sockets, predecessor): (Sockets, Option<Predecessor>),
) -> ExitCode {
    // Asked for before anything starts: a signal in between must not be lost.
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return output::fail(error),
    };
    let gateway = match Gateway::start(&arguments.file, options, sockets).await {
        Ok((gateway, source, warnings)) => {
            tell(arguments.log_format, &source, &warnings);
            gateway
        }
        Err(StartError::Config(source, problems)) => {
            tell(arguments.log_format, &source, &problems);
            return ExitCode::FAILURE;
        }
        Err(StartError::Io(error)) => return output::fail(error),
    };
    info!(file = %arguments.file.display(), "ready");
    let supervisor = Supervisor::of_environment();
    match predecessor {
        // It tells the supervisor of us, who does not know us yet.
        Some(predecessor) => predecessor.tell_ready().unwrap_or_else(|why| {
            warn!(%why, "the process before this one does not wait for it");
        }),
        None => supervisor.ready(),
    }
    live(gateway, signals, supervisor).await;
    ExitCode::SUCCESS
}

/// Says what is wrong with the file: to people as they read it best, to programs an object for each problem.
fn tell(format: LogFormat, source: &Source, diagnostics: &Diagnostics) {
    if format == LogFormat::Text {
        return output::print(source, diagnostics);
    }
    let file = source.path.display();
    for Diagnostic { severity, span, message, label, help } in diagnostics.iter() {
        let (line, column) = span.map(|span| source.position(span.start)).unzip();
        match severity {
            Severity::Error => error!(%file, line, column, label, help, "{message}"),
            Severity::Warning => warn!(%file, line, column, label, help, "{message}"),
        }
    }
}

/// Does what signals say until one of them ends it.
async fn live(mut gateway: Gateway, mut signals: Signals, supervisor: Supervisor) {
    loop {
        let wish = tokio::select! {
            wish = signals.next() => wish,
            () = gateway.changed() => Wish::Reload,
        };
        match wish {
            Wish::HangUp | Wish::Reload => {
                supervisor.reloading();
                if matches!(wish, Wish::HangUp) {
                    gateway.reopen_logs();
                }
                gateway.reload().await;
                supervisor.ready();
            }
            Wish::Replace => {
                supervisor.reloading();
                match succeed(&gateway, &mut signals).await {
                    Succession::Done(pid) => {
                        info!(pid, "handed over to another process");
                        supervisor.replaced_by(pid);
                        return gateway.leave().await;
                    }
                    Succession::Failed(why) => {
                        error!("not handed over, this process goes on serving: {why}");
                        supervisor.ready();
                    }
                    Succession::Stopped => break,
                }
            }
            Wish::Stop => break,
        }
    }
    supervisor.stopping();
    gateway.stop().await;
}

enum Succession {
    Done(u32),
    Failed(String),
    /// We are to stop, and so is whoever comes after us.
    Stopped,
}

/// Starts another torana in the place of this one, and waits until it serves.
async fn succeed(gateway: &Gateway, signals: &mut Signals) -> Succession {
    // A container ends with its first process, whoever serves in it.
    if std::process::id() == 1 {
        let why = "it is the first process of its container, which would end with it";
        return Succession::Failed(why.to_owned());
    }
    info!("starting another process to hand over to");
    let successor = match gateway.succeed() {
        Ok(successor) => successor,
        Err(why) => return Succession::Failed(format!("the process cannot be started: {why}")),
    };
    tokio::select! {
        ready = successor.ready() => ready.map_or_else(Succession::Failed, Succession::Done),
        () = signals.stop() => Succession::Stopped,
    }
}
