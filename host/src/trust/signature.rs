//! Detached signatures: `mine.wasm.sig` beside `mine.wasm`, a line for each who has signed it.
//!
//! ```text
//! torana-signature v1
//! KEY-ID BASE64
//! ```

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::key::{PrivateKey, PublicKey};

const FIRST_LINE: &str = "torana-signature v1";

/// What is signed begins with this: no signature of something else can be shown here.
const DOMAIN: &[u8] = b"torana plugin signature v1\n";

/// The signatures of one component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures(Vec<(String, Vec<u8>)>);

/// Why a component is not let in.
#[derive(Debug)]
pub enum Untrusted {
    /// There is no file of signatures.
    Unsigned(PathBuf),
    /// The disk says no.
    Io(PathBuf, io::Error),
    /// It is no file of signatures.
    Broken(PathBuf),
    /// It is signed by these, of whom none is trusted.
    Stranger(Vec<String>),
    /// A trusted key's line is not its signature of this file.
    Forged(String),
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(path) => write!(f, "it is not signed: there is no {}", path.display()),
            Self::Io(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Broken(path) => write!(f, "{} is no file of signatures", path.display()),
            Self::Stranger(ids) => write!(f, "it is signed by {}, not trusted", ids.join(", ")),
            Self::Forged(id) => write!(f, "the signature by {id} is not one of this file"),
        }
    }
}

impl Signatures {
    /// Where those of a component are.
    pub fn path(component: &Path) -> PathBuf {
        let mut path = component.as_os_str().to_owned();
        path.push(".sig");
        path.into()
    }

    /// Reads those of a component.
    pub fn of(component: &Path) -> Result<Self, Untrusted> {
        let path = Self::path(component);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).ok_or(Untrusted::Broken(path)),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotFound => Untrusted::Unsigned(path),
                io::ErrorKind::InvalidData => Untrusted::Broken(path),
                _ => Untrusted::Io(path, error),
            }),
        }
    }

    /// Ids of the keys that have signed, verified or not.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let line = |line: &str| {
            let (id, signature) = line.split_once(' ')?;
            Some((id.to_owned(), STANDARD.decode(signature).ok()?))
        };
        lines.map(line).collect::<Option<_>>().map(Self)
    }

    /// Signs a component, in the place of what this key has signed before.
    pub fn sign(&mut self, sha256: &[u8; 32], key: &PrivateKey) -> Result<PublicKey, String> {
        let public = key.public()?;
        let id = public.id();
        self.0.retain(|(other, _)| *other != id);
        self.0.push((id, key.sign(&message(sha256))));
        self.0.sort();
        Ok(public)
    }

    /// Gives the id of the trusted key that has signed this component, or says why there is none.
    pub fn verify(&self, sha256: &[u8; 32], trusted: &[PublicKey]) -> Result<String, Untrusted> {
        let message = message(sha256);
        let mut forged = None;
        for key in trusted {
            let id = key.id();
            let Some((_, signature)) = self.0.iter().find(|(signer, _)| *signer == id) else {
                continue;
            };
            if key.verifies(&message, signature) {
                return Ok(id);
            }
            forged = Some(id);
        }
        let signers = || self.signers().map(str::to_owned).collect();
        Err(forged.map_or_else(|| Untrusted::Stranger(signers()), Untrusted::Forged))
    }
}

impl fmt::Display for Signatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        self.0
            .iter()
            .try_for_each(|(id, signature)| writeln!(f, "{id} {}", STANDARD.encode(signature)))
    }
}

fn message(sha256: &[u8; 32]) -> Vec<u8> {
    [DOMAIN, sha256].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let all = Signatures(vec![("ab".into(), vec![1, 2]), ("cd".into(), vec![3])]);
        assert_eq!(Signatures::parse(&all.to_string()), Some(all));
        for broken in ["", "torana-signature v2\n", "torana-signature v1\nab\n", "ab AA==\n"] {
            assert_eq!(Signatures::parse(broken), None, "{broken}");
        }
    }
}
