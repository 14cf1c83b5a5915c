//! What curl's `-w` writes of a reply: text with `%{http_code}`, `%{size_download}` and
//! `%{time_total}`, and `\n` for line ends.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::demo::client::Reply;

/// A format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriteOut(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    HttpCode,
    SizeDownload,
    TimeTotal,
}

impl WriteOut {
    pub(crate) fn parse(format: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut rest = format;
        while let Some((text, variable)) = rest.split_once("%{") {
            let (name, after) = variable.split_once('}').context("-w: a `%{` is not closed")?;
            pieces.push(Piece::Text(text.replace("\\n", "\n")));
            pieces.push(match name {
                "http_code" => Piece::HttpCode,
                "size_download" => Piece::SizeDownload,
                "time_total" => Piece::TimeTotal,
                _ => bail!(
                    "-w: the check knows no %{{{name}}}; it knows http_code, size_download and \
                     time_total"
                ),
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.replace("\\n", "\n")));
        Ok(Self(pieces))
    }

    /// What it is of a reply. Times are in seconds, with microseconds.
    pub(crate) fn of(&self, reply: &Reply) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::HttpCode => text.push_str(reply.status()),
                Piece::SizeDownload => drop(write!(text, "{}", reply.size)),
                Piece::TimeTotal => drop(write!(text, "{:.6}", reply.took.as_secs_f64())),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_reply_is_written_as_the_format_has_it() {
        let reply = Reply {
            status_line: "HTTP/1.1 200 OK".into(),
            headers: Vec::new(),
            body: "é".into(),
            size: 2,
            took: Duration::from_micros(84_012),
        };
        let format = "%{http_code}: %{size_download} bytes, %{time_total} s\\n";
        let format = WriteOut::parse(format).unwrap();
        assert_eq!(format.of(&reply), "200: 2 bytes, 0.084012 s\n");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for format in ["%{time_total", "%{speed}"] {
            assert!(WriteOut::parse(format).is_err(), "{format}");
        }
    }
}
