//! The command line: one file a command.

mod audit;
mod audit_log;
mod check;
mod lock;
mod logging;
mod output;
mod plugin;
mod routes;
mod run;
mod schema;
mod secret;
mod signals;
mod supervisor;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::LoadOptions;

/// A programmable API gateway: every concern is a sandboxed WebAssembly component.
#[derive(Parser)]
#[command(name = "torana", version, about, arg_required_else_help = true)]
struct Arguments {
    /// The folder of the bundled components [default: `components` beside the folder of this binary, or
    /// in it].
    #[arg(long, global = true, value_name = "FOLDER")]
    components: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a configuration. SIGHUP reloads it, SIGUSR2 hands over to a new process, SIGTERM drains
    /// and stops.
    Run(run::Arguments),
    /// Look at a configuration as `run` would, and explain every problem at its line.
    Check(check::Arguments),
    /// Show what routes let in and what plugins see, may do and may call, and what to look at.
    Audit(audit::Arguments),
    /// Write torana.lock: what the plugins are now, for `check --locked` and `run --locked`.
    Lock(lock::Arguments),
    /// Print the routes in the order of their precedence, with chains and upstreams.
    Routes(routes::Arguments),
    /// Print the JSON Schema of the configuration, for editors, or of one plugin's settings.
    Schema(schema::Arguments),
    /// Work with the audit log.
    #[command(subcommand)]
    AuditLog(audit_log::AuditLogCommand),
    /// Work with plugins.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Make secrets, and the salted hashes that stand for them in a configuration.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let Arguments { components, command } = Arguments::parse();
    let options = LoadOptions { components, ..LoadOptions::default() };
    match command {
        Command::Run(arguments) => run::run(arguments, options),
        Command::Check(arguments) => check::run(&arguments, options),
        Command::Audit(arguments) => audit::run(&arguments, &options),
        Command::Lock(arguments) => lock::run(&arguments, &options),
        Command::Routes(arguments) => routes::run(&arguments, &options),
        Command::AuditLog(command) => audit_log::run(&command),
        Command::Schema(arguments) => schema::run(&arguments, &options),
        Command::Plugin(command) => plugin::run(command, options),
        Command::Secret(command) => secret::run(&command),
    }
}
