//! `torana plugin`: one file a command.

mod build;
mod dev;
mod inspect;
mod new;
mod sign;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

use super::output;
use crate::config::LoadOptions;

/// What can be done with plugins.
#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Start a plugin: a folder that builds and passes its own tests, with the SDK beside it.
    New(new::Arguments),
    /// Build the component of a plugin's folder.
    Build(build::Arguments),
    /// Play the cases of a plugin's folder on the real host.
    Test(test::Arguments),
    /// Serve a configuration while its plugins are written: what changes is built and taken, and each
    /// request shows what every plugin did.
    Dev(dev::Arguments),
    /// Print what a component is: digest, size, hooks, imports, WIT version.
    Inspect(inspect::Arguments),
    /// Sign a component: who trusts the key lets it in.
    Sign(sign::SignArguments),
    /// Look whether a component is signed by a key.
    Verify(sign::VerifyArguments),
}

pub(super) fn run(command: PluginCommand, options: LoadOptions) -> ExitCode {
    match command {
        PluginCommand::New(arguments) => new::run(&arguments),
        PluginCommand::Build(arguments) => build::run(&arguments),
        PluginCommand::Test(arguments) => test::run(&arguments),
        PluginCommand::Dev(arguments) => dev::run(arguments, options),
        PluginCommand::Inspect(arguments) => inspect::run(&arguments),
        PluginCommand::Sign(arguments) => sign::sign(&arguments),
        PluginCommand::Verify(arguments) => sign::verify(&arguments),
    }
}
