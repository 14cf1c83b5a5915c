//! Keys, certificates and tokens, which openssl makes once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// What gateways are told of who they are and whom they trust, and what clients show them.
pub(super) struct Identity {
    /// Certificate and key in one file, as haproxy wants it.
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    /// The public keys of the tokens' issuer, each in one line (RFC 7517).
    pub(super) rsa: String,
    pub(super) ec: String,
    /// A token of each.
    pub(super) rs256: String,
    pub(super) es256: String,
}

impl Identity {
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let folder = folder.join("identity");
        fs::create_dir_all(&folder)?;
        let at = |name: &str| folder.join(name);
        if !at("ec.pem").exists() {
            openssl(
                &folder,
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
                 -subj /CN=localhost -keyout key.pem -out leaf.pem",
            )?;
            let both = [fs::read(at("leaf.pem"))?, fs::read(at("key.pem"))?].concat();
            fs::write(at("cert.pem"), both)?;
            openssl(&folder, "genrsa -traditional -out rsa.pem 2048")?;
            openssl(&folder, "ecparam -name prime256v1 -genkey -noout -out ec.pem")?;
        }
        Ok(Self {
            cert: at("cert.pem"),
            key: at("key.pem"),
            rsa: rsa_key(&folder)?,
            ec: ec_key(&folder)?,
            rs256: token(&folder, "RS256", "rsa.pem", |signature| Some(signature.to_vec()))?,
            es256: token(&folder, "ES256", "ec.pem", fixed)?,
        })
    }

    /// Puts the names of files, the keys and the tokens into a text.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{cert}", &self.cert.display().to_string())
            .replace("{key}", &self.key.display().to_string())
            .replace("{jwks}", &format!(r#"{{"keys":[{},{}]}}"#, self.rsa, self.ec))
            .replace("{jwk}", &self.rsa)
            .replace("{ec-jwk}", &self.ec)
            .replace("{rs256}", &self.rs256)
            .replace("{es256}", &self.es256)
    }
}

fn rsa_key(folder: &Path) -> Result<String> {
    let said = openssl(folder, "rsa -in rsa.pem -noout -modulus")?;
    let modulus = said.trim().strip_prefix("Modulus=").context("openssl's modulus")?;
    let bytes: Option<Vec<u8>> = (0..modulus.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(modulus.get(at..at + 2)?, 16).ok())
        .collect();
    let n = base64url(&bytes.context("openssl's modulus is no hexadecimal number")?);
    Ok(format!(r#"{{"kty":"RSA","use":"sig","alg":"RS256","kid":"RS256","e":"AQAB","n":"{n}"}}"#))
}

fn ec_key(folder: &Path) -> Result<String> {
    openssl(folder, "ec -in ec.pem -pubout -outform DER -out ec.der")?;
    let der = fs::read(folder.join("ec.der"))?;
    // The point ends the file: x and y, of 32 bytes each (RFC 5480, 2.2).
    let (_, y) = der.split_last_chunk::<32>().context("openssl's point")?;
    let (_, x) = der[..der.len() - 32].split_last_chunk::<32>().context("openssl's point")?;
    let (x, y) = (base64url(x), base64url(y));
    Ok(format!(
        r#"{{"kty":"EC","use":"sig","alg":"ES256","kid":"ES256","crv":"P-256","x":"{x}","y":"{y}"}}"#
    ))
}

/// A token of 2096: what is measured is not how tokens are renewed.
fn token(
    folder: &Path,
    algorithm: &str,
    key: &str,
    signature: fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<String> {
    let head = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{algorithm}"}}"#);
    let claims = br#"{"iss":"https://idp.example","aud":"shop","sub":"ada","exp":4000000000,"roles":["buyer"]}"#;
    let signed = format!("{}.{}", base64url(head.as_bytes()), base64url(claims));
    fs::write(folder.join("signed"), &signed)?;
    openssl(folder, &format!("dgst -sha256 -sign {key} -out signature signed"))?;
    let made = signature(&fs::read(folder.join("signature"))?).context("openssl's signature")?;
    Ok(format!("{signed}.{}", base64url(&made)))
}

/// ECDSA's two numbers side by side (RFC 7518, 3.4), of the sequence that openssl writes (RFC 3279, 2.2.3).
fn fixed(der: &[u8]) -> Option<Vec<u8>> {
    let mut rest = der.get(2..)?;
    let mut both = Vec::new();
    for _ in 0..2 {
        let [2, length, ..] = *rest else { return None };
        let (number, after) = rest[2..].split_at_checked(usize::from(length))?;
        // A number is signed there: one with its first bit set has a zero before it, small ones are short.
        let number = &number[number.len().saturating_sub(32)..];
        both.extend(std::iter::repeat_n(0, 32 - number.len()).chain(number.iter().copied()));
        rest = after;
    }
    Some(both)
}

fn openssl(folder: &Path, arguments: &str) -> Result<String> {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .context("starting openssl")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl {arguments}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// RFC 4648, 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - group.len()));
        for at in 0..=group.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_encoded_as_they_must_be() {
        // RFC 4648, 10.
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn signatures_have_one_length() {
        let long = [&[0x30, 36, 2, 33, 0][..], &[0x80; 32], &[2, 1, 7]].concat();
        let fixed = fixed(&long).unwrap();
        assert_eq!(fixed.len(), 64);
        assert_eq!(fixed[..32], [0x80; 32]);
        assert_eq!((fixed[32], fixed[63]), (0, 7));
        assert!(super::fixed(b"no").is_none());
    }
}
