//! `torana plugin sign FILE` and `torana plugin verify FILE`

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::output;
use crate::{
    plugin,
    trust::{PrivateKey, PublicKey, Signatures, Untrusted, signer},
};

/// Arguments of `plugin sign`.
#[derive(clap::Args)]
pub(in crate::cli) struct SignArguments {
    /// The component. Its signatures are in FILE.sig.
    file: PathBuf,
    /// The private key: PEM, as `openssl genpkey -algorithm ed25519` makes it.
    #[arg(long, value_name = "KEY.pem")]
    key: PathBuf,
}

/// Arguments of `plugin verify`.
#[derive(clap::Args)]
pub(in crate::cli) struct VerifyArguments {
    /// The component. Its signatures are in FILE.sig.
    file: PathBuf,
    /// The public key: PEM, as `openssl pkey -pubout` makes it.
    #[arg(long, value_name = "PUB.pem")]
    key: PathBuf,
}

pub(super) fn sign(arguments: &SignArguments) -> ExitCode {
    ended(arguments.file.as_path(), sign_file(arguments))
}

pub(super) fn verify(arguments: &VerifyArguments) -> ExitCode {
    ended(arguments.file.as_path(), verify_file(arguments))
}

fn ended(file: &Path, said: Result<String, String>) -> ExitCode {
    match said {
        Ok(said) => {
            output::say!("{}: {said}", file.display());
            ExitCode::SUCCESS
        }
        Err(why) => output::fail(format!("{}: {why}", file.display())),
    }
}

/// Others who have signed it stay.
fn sign_file(arguments: &SignArguments) -> Result<String, String> {
    let key = PrivateKey::read(&arguments.key)?;
    let sha256 = sha256(&arguments.file)?;
    let mut signatures = match Signatures::of(&arguments.file) {
        Ok(signatures) => signatures,
        Err(Untrusted::Unsigned(_)) => Signatures::default(),
        Err(why) => return Err(why.to_string()),
    };
    let public = signatures.sign(&sha256, &key)?;
    let path = Signatures::path(&arguments.file);
    fs::write(&path, signatures.to_string())
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(format!("signed by {}", public.id()))
}

fn verify_file(arguments: &VerifyArguments) -> Result<String, String> {
    let key = PublicKey::read(&arguments.key)?;
    let sha256 = sha256(&arguments.file)?;
    let signer = signer(&arguments.file, &sha256, &[key]).map_err(|why| why.to_string())?;
    Ok(format!("signed by {signer}"))
}

fn sha256(file: &Path) -> Result<[u8; 32], String> {
    let bytes = plugin::read_file(file).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(plugin::sha256(&bytes))
}
