//! `torana run FILE`

use std::{path::PathBuf, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::output;
use crate::{
    config::LoadOptions,
    gateway::{Gateway, StartError},
};

/// Arguments of `run`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
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

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

pub(super) fn run(arguments: Arguments, options: LoadOptions) -> ExitCode {
    start_logging(&arguments);
    let options = LoadOptions { locked: arguments.locked, ..options };
    let served = output::control_runtime().map(|runtime| {
        let code = runtime.block_on(serve(arguments, options));
        // Background work has no say in when the process ends.
        runtime.shutdown_background();
        code
    });
    served.unwrap_or_else(output::fail)
}

async fn serve(arguments: Arguments, options: LoadOptions) -> ExitCode {
    // Asked for before anything starts: a signal in between must not be lost.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return output::fail(error),
    };
    let mut gateway = match Gateway::start(&arguments.file, options).await {
        Ok((gateway, source, warnings)) => {
            output::print(&source, &warnings);
            gateway
        }
        Err(StartError::Config(source, problems)) => {
            output::print(&source, &problems);
            return ExitCode::FAILURE;
        }
        Err(StartError::Io(error)) => return output::fail(error),
    };
    tracing::info!(file = %arguments.file.display(), "ready");
    while let Wish::Reload = signals.next().await {
        gateway.reload().await;
    }
    gateway.stop().await;
    ExitCode::SUCCESS
}

enum Wish {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
        }
    }
}

fn start_logging(arguments: &Arguments) {
    let filter = EnvFilter::try_from_env("TORANA_LOG")
        .or_else(|_| EnvFilter::try_new(&arguments.log))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => {
            use std::io::IsTerminal as _;
            log.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
        }
    }
}
