//! Whether a text is JSON (RFC 8259), without recursion and under a cap of depth.

use super::{document::Malformed, string::special};

/// What is said of a text that is nested deeper than it may be.
pub(super) const TOO_DEEP: &str = "nested deeper than `max_depth`";

/// Finds the first thing that is wrong. `bytes` must be UTF-8.
pub(super) fn check(bytes: &[u8], max_depth: usize) -> Result<(), Malformed> {
    let mut checker = Checker { bytes, at: 0, open: Vec::new(), max_depth };
    loop {
        if checker.value()? && checker.close()? {
            return Ok(());
        }
    }
}

struct Checker<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The containers that are not closed yet, by their opening brackets.
    open: Vec<u8>,
    max_depth: usize,
}

impl Checker<'_> {
    fn error<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { offset: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Reads a scalar or an empty container (true), or opens a container (false).
    fn value(&mut self) -> Result<bool, Malformed> {
        match self.space() {
            Some(b'{') => self.container(b'{', b'}'),
            Some(b'[') => self.container(b'[', b']'),
            Some(b'"') => self.string().map(|()| true),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| true),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(_) => self.error("no value begins so"),
            None => self.error("a value is missing"),
        }
    }

    fn container(&mut self, open: u8, close: u8) -> Result<bool, Malformed> {
        if self.open.len() >= self.max_depth {
            return self.error(TOO_DEEP);
        }
        self.at += 1;
        if self.space() == Some(close) {
            self.at += 1;
            return Ok(true);
        }
        self.open.push(open);
        if open == b'{' {
            self.key()?;
        }
        Ok(false)
    }

    /// After a value: closes what ends here. True if that was all, false if a value must follow.
    fn close(&mut self) -> Result<bool, Malformed> {
        loop {
            let next = self.space();
            match (self.open.last(), next) {
                (None, None) => return Ok(true),
                (None, Some(_)) => return self.error("text after the document"),
                (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => {
                    self.open.pop();
                    self.at += 1;
                }
                (Some(open), Some(b',')) => {
                    let is_object = *open == b'{';
                    self.at += 1;
                    if is_object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                (Some(_), _) => return self.error("a comma or a closing bracket is missing"),
            }
        }
    }

    fn key(&mut self) -> Result<(), Malformed> {
        if self.space() != Some(b'"') {
            return self.error("a name in quotes is missing");
        }
        self.string()?;
        if self.space() != Some(b':') {
            return self.error("a colon is missing");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        loop {
            self.at = special(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.error("a control character in a string"),
                None => return self.error("a string has no end"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                match digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    true => 6,
                    false => return self.error("four hexadecimal digits are missing"),
                }
            }
            _ => return self.error("no escape begins so"),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let Some(b'0'..=b'9') = self.peek() else { return self.error("a digit is missing") };
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<bool, Malformed> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.error("no value begins so");
        }
        self.at += word.len();
        Ok(true)
    }
}
