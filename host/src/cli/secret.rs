//! `torana secret`: makes secrets, and the salted hashes that stand for them in a configuration.

use std::{
    io::{self, IsTerminal as _, Read as _},
    process::ExitCode,
};

use aws_lc_rs::{
    digest::{Context, SHA256},
    rand::fill,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Subcommand;

use super::output;

/// Letters and digits: no sign that a shell, a URL or a double click would stumble over.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Of a key's public part, by which its hash is found.
const ID_LENGTH: usize = 8;
/// 62^43 is just above 2^256.
const SECRET_LENGTH: usize = 43;
const SALT_LENGTH: usize = 16;

#[derive(Subcommand)]
pub(super) enum SecretCommand {
    /// Make a new key: the key for whoever is to use it, and its hash for the configuration.
    New(NewArguments),
    /// Read a secret from standard input, and print its hash for the configuration.
    Hash,
}

#[derive(clap::Args)]
pub(super) struct NewArguments {
    /// What the key begins with, to tell where it belongs when it is found somewhere.
    #[arg(long, default_value = "key", value_name = "TEXT", value_parser = prefix)]
    prefix: String,
}

pub(super) fn run(command: &SecretCommand) -> ExitCode {
    match command {
        SecretCommand::New(arguments) => new(&arguments.prefix),
        SecretCommand::Hash => hash_input(),
    }
}

fn new(prefix: &str) -> ExitCode {
    let key = format!("{prefix}_{}_{}", random_text(ID_LENGTH), random_text(SECRET_LENGTH));
    output::say!("key:  {key}");
    output::say!("hash: {}", hash(&key, &random::<SALT_LENGTH>()));
    output::complain!(
        "\nThe key is shown this once. Give it to its user, and write the hash into the TOML."
    );
    ExitCode::SUCCESS
}

fn hash_input() -> ExitCode {
    if io::stdin().is_terminal() {
        output::complain!("Type the secret, then Enter and Ctrl-D. (It is not hidden.)");
    }
    let mut text = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut text) {
        output::complain!("error: the secret cannot be read: {error}");
        return ExitCode::FAILURE;
    }
    // As a line of a file or of `echo`, which is no part of the secret.
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        output::complain!(
            "error: there is no secret on standard input: printf %s \"$KEY\" | torana secret hash"
        );
        return ExitCode::FAILURE;
    }
    output::say!("{}", hash(secret, &random::<SALT_LENGTH>()));
    ExitCode::SUCCESS
}

/// `sha256:ID:SALT:DIGEST`, salt and digest in base64url. One round is enough for what nobody can
/// guess; for passwords it is not, and they are no API keys.
fn hash(key: &str, salt: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(key.as_bytes());
    let digest = context.finish();
    format!(
        "sha256:{}:{}:{}",
        id_of(key),
        URL_SAFE_NO_PAD.encode(salt),
        URL_SAFE_NO_PAD.encode(digest.as_ref())
    )
}

/// The public part of a key that `new` made; nothing of any other, which may be short enough to be
/// guessed from a part of it.
fn id_of(key: &str) -> &str {
    let plain = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let mut parts = key.rsplitn(3, '_');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(secret), Some(id), Some(_))
            if plain(secret, SECRET_LENGTH) && plain(id, ID_LENGTH) =>
        {
            id
        }
        _ => "",
    }
}

/// Each of the 62 letters as likely as the others: bytes that would favour some are thrown away.
fn random_text(length: usize) -> String {
    let fair = |byte: &u8| *byte < 248;
    let bytes = std::iter::repeat_with(random::<1>).flatten().filter(fair);
    bytes.take(length).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The system's generator fails only where there is none, and then nothing here can go on.
    fill(&mut bytes).expect("the system has random numbers");
    bytes
}

fn prefix(text: &str) -> Result<String, String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match !text.is_empty() && text.len() <= 32 && text.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => Err("use up to 32 letters, digits, `-` and `_`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_the_salt_and_the_key() {
        // printf %s saltkey | openssl dgst -sha256 -binary
        let digest = "SkZuoGV-R5VFsdbC2ZSCT4DY7s1wMPMJL_Qqm8rXUdg";
        assert_eq!(hash("key", b"salt"), format!("sha256::c2FsdA:{digest}"));
    }

    #[test]
    fn only_keys_of_our_own_show_a_part_of_themselves() {
        let secret = random_text(SECRET_LENGTH);
        assert_eq!(id_of(&format!("acme_live_abcdEFGH_{secret}")), "abcdEFGH");
        for foreign in ["hunter2", "a_abcdEFGH_short", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"] {
            assert_eq!(id_of(foreign), "", "{foreign}");
        }
    }

    #[test]
    fn keys_differ_and_have_no_signs() {
        let texts: Vec<_> = (0..100).map(|_| random_text(SECRET_LENGTH)).collect();
        assert!(texts.iter().all(|text| text.len() == 43));
        assert!(texts.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        let different: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
    }
}
