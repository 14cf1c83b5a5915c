//! `{ env = "X" }` and `{ file = "..." }`, which may stand for any scalar.
//!
//! What they stand for is never part of a message: it may be a secret.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Diagnostic, Span, context::Context, fault::quote};

/// Largest file that is read for a value.
const LARGEST: u64 = 1 << 20;

/// A value that stands outside the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outside<'a> {
    place: Place,
    argument: &'a Spanned<DeValue<'a>>,
    span: Span,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Environment,
    File,
}

impl<'a> Outside<'a> {
    /// Whether the value is a reference to the outside: a table of just `env` or just `file`.
    pub(super) fn of(value: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else { return None };
        Self::of_table(table, value.span().into())
    }

    pub(super) fn of_table(table: &'a DeTable<'a>, span: Span) -> Option<Self> {
        let (key, argument) = table.iter().next().filter(|_| table.len() == 1)?;
        let place = match key.get_ref().as_ref() {
            "env" => Place::Environment,
            "file" => Place::File,
            _ => return None,
        };
        Some(Self { place, argument, span })
    }

    /// Reads it as bytes.
    pub(super) fn bytes(&self, cx: &Context) -> Option<Vec<u8>> {
        let DeValue::String(name) = self.argument.get_ref() else {
            let (key, wanted) = match self.place {
                Place::Environment => ("env", "the name of an environment variable"),
                Place::File => ("file", "the path of a file"),
            };
            let span: Span = self.argument.span().into();
            cx.report(Diagnostic::error(span, format!("`{key}` must be a string: {wanted}")));
            return None;
        };
        let read = match self.place {
            Place::Environment => environment(cx, name),
            Place::File => file(cx, name),
        };
        let bytes = read.map_err(|problem| cx.report(problem.at(self.argument.span().into())));
        bytes.inspect(|bytes| cx.hide(bytes)).ok()
    }

    /// Reads it as text.
    pub(super) fn text(&self, cx: &Context) -> Option<String> {
        let text = String::from_utf8(self.bytes(cx)?);
        let wrong =
            |_| cx.report(Diagnostic::error(self.span, format!("{} is not UTF-8", self.name())));
        text.map_err(wrong).ok()
    }

    /// How a message calls the value.
    pub(super) fn name(&self) -> String {
        let argument = match self.argument.get_ref() {
            DeValue::String(name) => quote(name),
            _ => "?".into(),
        };
        match self.place {
            Place::Environment => format!("the value of environment variable {argument}"),
            Place::File => format!("the content of file {argument}"),
        }
    }
}

/// Why a value could not be read.
struct Unread {
    message: String,
    help: Option<String>,
}

impl Unread {
    fn at(self, span: Span) -> Diagnostic {
        Diagnostic::error(span, self.message).help(self.help)
    }
}

fn environment(cx: &Context, name: &str) -> Result<Vec<u8>, Unread> {
    let value = (cx.options.environment)(name).ok_or_else(|| Unread {
        message: format!("environment variable {} is not set", quote(name)),
        help: Some("set it, also where the service is started (systemd, compose, ...)".into()),
    })?;
    Ok(value.into_encoded_bytes())
}

fn file(cx: &Context, path: &str) -> Result<Vec<u8>, Unread> {
    let full = cx.resolve(path);
    let unread = |error: io::Error| Unread {
        message: format!("cannot read {}: {error}", quote(&full.display().to_string())),
        help: Some("paths are relative to this configuration file".into()),
    };
    let read = capped(&full);
    cx.has_read(&full, read.as_deref().ok());
    let mut bytes = read.map_err(unread)?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("file {} has more than 1 MiB", quote(path));
        return Err(Unread { message, help: None });
    }
    trim_newline(&mut bytes);
    Ok(bytes)
}

/// With a cap of its own, for the path may name a device.
fn capped(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes off the newline at the end that editors and `echo` put there. Bytes that are not text
/// stay as they are.
fn trim_newline(bytes: &mut Vec<u8>) {
    if std::str::from_utf8(bytes).is_err() {
        return;
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        bytes.pop_if(|last| *last == b'\r');
    }
}

#[cfg(test)]
mod tests {
    use super::trim_newline;

    #[test]
    fn one_newline_is_trimmed_from_text() {
        for (content, expected) in [
            (&b"key\n"[..], &b"key"[..]),
            (b"key\r\n", b"key"),
            (b"key\n\n", b"key\n"),
            (b"\xff\n", b"\xff\n"),
            (b"", b""),
        ] {
            let mut bytes = content.to_vec();
            trim_newline(&mut bytes);
            assert_eq!(bytes, expected);
        }
    }
}
