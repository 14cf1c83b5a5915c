//! The part of curl's command line that READMEs may use.
//!
//! - `-i` (show the head, too), `-s`, `-S` (no difference here), also joined: `-si`
//! - `-X METHOD`, `-H 'name: value'`, `-d DATA` or `--data DATA`, `--data-binary DATA`
//! - `-H @FILE` and `-d @FILE`, as curl has them: a header a line; a body, without its line ends
//!   (`--data-binary` keeps them)
//! - URLs, sent as they are written, one after the other; with `[1-11]` in it, one is eleven
//!   requests, one for each number
//! - `-w FORMAT` ([`write_out`](super::write_out)), with `-o /dev/null` before each URL

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::demo::write_out::WriteOut;

/// A request as curl would send it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// At least one. A URL with a range is as many as that stands for.
    pub(crate) urls: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// `-i`: the output starts with the reply's head.
    pub(crate) show_head: bool,
    /// `-w`: the output is this of each reply, and no body.
    pub(crate) write_out: Option<WriteOut>,
    /// The URLs as they are written, less the times that `-o /dev/null` is.
    printed: i32,
}

impl Request {
    /// Parses what follows the word `curl`. Files are looked for in `folder`.
    pub(crate) fn parse(words: &[String], folder: &Path) -> Result<Self> {
        let mut request = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                None => request.add_url(word)?,
                Some(long) if long.starts_with('-') => {
                    let option = Opt::long(word)?;
                    let value = if option.has_value() { value(word, &mut words)? } else { "" };
                    request.apply(option, value, folder)?;
                }
                Some(letters) => request.apply_letters(letters, &mut words, folder)?,
            }
        }
        request.complete()
    }

    /// `-si`, `-XPUT`: options run together, the last one with its value.
    fn apply_letters<'a>(
        &mut self,
        letters: &'a str,
        words: &mut impl Iterator<Item = &'a str>,
        folder: &Path,
    ) -> Result<()> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let option = Opt::short(letter)?;
            if !option.has_value() {
                self.apply(option, "", folder)?;
                continue;
            }
            let joined = rest.as_str();
            let value = if joined.is_empty() { value(letters, words)? } else { joined };
            return self.apply(option, value, folder);
        }
        Ok(())
    }

    fn apply(&mut self, option: Opt, value: &str, folder: &Path) -> Result<()> {
        match option {
            Opt::Include => self.show_head = true,
            Opt::Quiet => {}
            Opt::Method => self.method = value.into(),
            Opt::Header => match value.strip_prefix('@') {
                Some(file) => {
                    let headers = String::from_utf8(read(folder, file)?)?;
                    headers.lines().try_for_each(|line| self.add_header(line))?;
                }
                None => self.add_header(value)?,
            },
            Opt::Data | Opt::DataBinary => self.add_data(&data(option, value, folder)?),
            Opt::WriteOut => self.write_out = Some(WriteOut::parse(value)?),
            Opt::Output if value == "/dev/null" => self.printed -= 1,
            Opt::Output => bail!("-o {value}: the check writes no files; there is -o /dev/null"),
        }
        Ok(())
    }

    fn add_url(&mut self, url: &str) -> Result<()> {
        if !url.starts_with("http://") {
            bail!("`{url}` does not start with http://");
        }
        self.urls.extend(each_of(url)?);
        self.printed += 1;
        Ok(())
    }

    fn add_header(&mut self, line: &str) -> Result<()> {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.is_empty() || value.trim().is_empty() {
            bail!("`{line}` is not `name: value`");
        }
        self.headers.push((name.trim().into(), value.trim().into()));
        Ok(())
    }

    /// Repeated, data is joined as the fields of a form.
    fn add_data(&mut self, data: &[u8]) {
        match &mut self.body {
            Some(body) => {
                body.push(b'&');
                body.extend(data);
            }
            None => self.body = Some(data.into()),
        }
    }

    /// Adds what curl adds where nothing was said.
    fn complete(mut self) -> Result<Self> {
        if self.urls.is_empty() {
            bail!("there is no URL");
        }
        if self.urls.len() > 1 && self.show_head {
            bail!("-i with several URLs: the check compares heads one at a time");
        }
        if self.write_out.is_some() != (self.printed == 0) || self.printed < 0 {
            bail!(
                "the check compares bodies or what -w writes: with -w goes -o /dev/null, once a URL"
            );
        }
        let has_type =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if self.body.is_some() && !has_type {
            self.add_header("content-type: application/x-www-form-urlencoded")?;
        }
        if self.method.is_empty() {
            self.method = if self.body.is_some() { "POST" } else { "GET" }.into();
        }
        Ok(self)
    }
}

/// An option of the subset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opt {
    Include,
    Quiet,
    Method,
    Header,
    Data,
    DataBinary,
    WriteOut,
    Output,
}

impl Opt {
    fn short(letter: char) -> Result<Self> {
        Ok(match letter {
            'i' => Self::Include,
            's' | 'S' => Self::Quiet,
            'X' => Self::Method,
            'H' => Self::Header,
            'd' => Self::Data,
            'w' => Self::WriteOut,
            'o' => Self::Output,
            _ => bail!("the check does not know curl's -{letter}; it knows {KNOWN}"),
        })
    }

    fn long(name: &str) -> Result<Self> {
        Ok(match name {
            "--include" => Self::Include,
            "--silent" | "--show-error" => Self::Quiet,
            "--request" => Self::Method,
            "--header" => Self::Header,
            "--data" => Self::Data,
            "--data-binary" => Self::DataBinary,
            "--write-out" => Self::WriteOut,
            "--output" => Self::Output,
            _ => bail!("the check does not know curl's {name}; it knows {KNOWN}"),
        })
    }

    fn has_value(self) -> bool {
        !matches!(self, Self::Include | Self::Quiet)
    }
}

const KNOWN: &str = "-i, -s, -S, -X, -H, -d, --data, --data-binary, -w and -o";

/// The URLs that one with a range, such as `[1-11]`, stands for.
fn each_of(url: &str) -> Result<Vec<String>> {
    let parts = url.split_once('[').and_then(|(before, rest)| {
        let (range, after) = rest.split_once(']')?;
        let (first, last) = range.split_once('-')?;
        Some((before, first.parse::<u32>().ok()?, last.parse::<u32>().ok()?, after))
    });
    match parts {
        None => Ok(vec![url.into()]),
        Some((before, first, last, after)) if first <= last && last - first < 1000 => {
            Ok((first..=last).map(|n| format!("{before}{n}{after}")).collect())
        }
        Some(_) => bail!("`{url}`: a range goes up, and over less than 1000"),
    }
}

fn value<'a>(option: &str, words: &mut impl Iterator<Item = &'a str>) -> Result<&'a str> {
    words.next().with_context(|| format!("curl's `{option}` lacks its value"))
}

fn data(option: Opt, value: &str, folder: &Path) -> Result<Vec<u8>> {
    let Some(file) = value.strip_prefix('@') else {
        return Ok(value.into());
    };
    let mut content = read(folder, file)?;
    if option == Opt::Data {
        content.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    }
    Ok(content)
}

fn read(folder: &Path, file: &str) -> Result<Vec<u8>> {
    fs::read(folder.join(file)).with_context(|| format!("reading @{file}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::shell;

    fn parse_in(folder: &Path, command: &str) -> Result<Request> {
        Request::parse(&shell::words(command)?[1..], folder)
    }

    fn parse(command: &str) -> Result<Request> {
        parse_in(Path::new("."), command)
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn a_url_alone_is_got() {
        let expected = Request {
            method: "GET".into(),
            urls: vec!["http://h/a?b".into()],
            printed: 1,
            ..Request::default()
        };
        assert_eq!(parse("curl http://h/a?b").unwrap(), expected);
        assert_eq!(parse("curl -sS http://h/a?b").unwrap(), expected);
    }

    #[test]
    fn options_may_run_together_and_stand_anywhere() {
        for command in [
            "curl -si -X PUT http://h/",
            "curl http://h/ -isXPUT",
            "curl -i http://h/ --request PUT",
        ] {
            let request = parse(command).unwrap();
            assert!(request.show_head, "{command}");
            assert_eq!(request.method, "PUT", "{command}");
        }
    }

    #[test]
    fn data_makes_a_post_of_it_and_a_form() {
        let request = parse("curl -d a=1 --data b=2 http://h/").unwrap();
        assert_eq!(request.method, "POST");
        assert_eq!(request.body.as_deref(), Some(b"a=1&b=2".as_slice()));
        assert_eq!(request.headers, [header("content-type", "application/x-www-form-urlencoded")]);

        let request = parse("curl -H 'Content-Type: application/json' -d '{}' http://h/").unwrap();
        assert_eq!(request.headers, [header("Content-Type", "application/json")]);
    }

    #[test]
    fn a_range_is_a_request_for_each_number() {
        let request = parse("curl -X PUT 'http://h/a?[9-11]'").unwrap();
        assert_eq!(request.urls, ["http://h/a?9", "http://h/a?10", "http://h/a?11"]);
        assert_eq!(parse("curl http://[::1]:80/").unwrap().urls, ["http://[::1]:80/"]);
    }

    #[test]
    fn several_urls_are_a_request_each() {
        let request = parse("curl http://h/a 'http://h/[1-2]'").unwrap();
        assert_eq!(request.urls, ["http://h/a", "http://h/1", "http://h/2"]);
        let request =
            parse("curl -w '%{time_total}' -o /dev/null http://h/ --output /dev/null http://i/");
        assert!(request.is_ok_and(|request| request.write_out.is_some()));
    }

    #[test]
    fn files_are_read_as_curl_reads_them() {
        let folder = std::env::temp_dir().join(format!("torana-curl-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("ann"), "authorization: Bearer x.y.z\n").unwrap();
        fs::write(folder.join("order.xml"), "<a>\n</a>\n").unwrap();

        let request = parse_in(&folder, "curl -H @ann -d @order.xml http://h/").unwrap();
        assert_eq!(request.headers[0], header("authorization", "Bearer x.y.z"));
        assert_eq!(request.body.as_deref(), Some(b"<a></a>".as_slice()));

        let request = parse_in(&folder, "curl --data-binary @order.xml http://h/").unwrap();
        assert_eq!(request.body.as_deref(), Some(b"<a>\n</a>\n".as_slice()));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_not_of_the_subset_is_refused() {
        for (command, part) in [
            ("curl -k https://h/", "does not know curl's -k"),
            ("curl --json '{}' http://h/", "does not know curl's --json"),
            ("curl https://h/", "does not start with http://"),
            ("curl -i http://h/a http://h/b", "one at a time"),
            ("curl -w '%{time_total}' http://h/", "with -w goes -o /dev/null"),
            ("curl -w x -o /dev/null http://h/ http://h/", "once a URL"),
            ("curl -o /dev/null http://h/", "with -w goes"),
            ("curl -o page http://h/", "writes no files"),
            ("curl -w '%{json}' http://h/", "knows no %{json}"),
            ("curl -i", "no URL"),
            ("curl http://h/ -H", "lacks its value"),
            ("curl -H Host http://h/", "is not `name: value`"),
            ("curl 'http://h/[3-1]'", "a range goes up"),
            ("curl 'http://h/[1-5000]'", "a range goes up"),
            ("curl -i 'http://h/[1-2]'", "one at a time"),
            ("curl -d @nowhere http://h/", "reading @nowhere"),
        ] {
            let error = parse(command).unwrap_err().to_string();
            assert!(error.contains(part), "{command}: {error}");
        }
    }
}
