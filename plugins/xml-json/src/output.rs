//! Where a translation is written to: piece by piece, so that it need not fit the memory.

use crate::error::Error;

/// Gathers text into pieces for a sink, up to a cap.
pub(crate) struct Output<'s> {
    buffer: String,
    total: usize,
    most: usize,
    sink: &'s mut dyn FnMut(&str),
}

const PIECE: usize = 64 << 10;

impl<'s> Output<'s> {
    /// An output of at most `most` bytes.
    pub(crate) fn new(most: usize, sink: &'s mut dyn FnMut(&str)) -> Self {
        Self { buffer: String::new(), total: 0, most, sink }
    }

    /// Adds text. Past the cap nothing is added any more.
    pub(crate) fn push(&mut self, text: &str) {
        self.total = self.total.saturating_add(text.len());
        if self.total > self.most {
            return;
        }
        if self.buffer.len() + text.len() > PIECE {
            self.flush();
            if text.len() > PIECE {
                (self.sink)(text);
                return;
            }
        }
        self.buffer.push_str(text);
    }

    /// Whether all that was added is still within the cap.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.total > self.most { Err(Error::TooLarge) } else { Ok(()) }
    }

    /// Hands the rest over.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.check()?;
        self.flush();
        Ok(())
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            (self.sink)(&self.buffer);
            self.buffer.clear();
        }
    }
}

/// What a translation writes, as one text.
pub(crate) fn collect(
    most: usize,
    write: impl FnOnce(&mut Output<'_>) -> Result<(), Error>,
) -> Result<String, Error> {
    let mut text = String::new();
    let mut sink = |piece: &str| text.push_str(piece);
    let mut out = Output::new(most, &mut sink);
    write(&mut out)?;
    out.finish()?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_order() {
        let long = "x".repeat(PIECE + 1);
        let write = |out: &mut Output<'_>| {
            for text in ["a", &long, "b", &long[..PIECE], "c"] {
                out.push(text);
            }
            Ok(())
        };
        let text = collect(usize::MAX, write).unwrap();
        assert_eq!(text, format!("a{long}b{}c", &long[..PIECE]));
    }

    #[test]
    fn the_cap_holds() {
        let write = |text: &'static str| {
            collect(3, move |out| {
                out.push(text);
                Ok(())
            })
        };
        assert_eq!(write("abc").unwrap(), "abc");
        assert_eq!(write("abcd"), Err(Error::TooLarge));
    }
}
