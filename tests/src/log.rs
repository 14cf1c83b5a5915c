//! What a process writes, line by line as it comes.

use std::{
    io::{BufRead as _, BufReader, Read},
    thread,
};

use tokio::sync::watch;

use crate::within;

/// The lines of one output of a process. A copy sees the same lines.
#[derive(Clone)]
pub struct Log {
    name: &'static str,
    lines: watch::Receiver<Vec<String>>,
}

impl Log {
    /// Reads the output of a process, called `name` in failures, in a thread, to its end.
    pub fn of(name: &'static str, output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                sender.send_modify(|lines| lines.push(line));
            }
            // Dropping the sender tells whoever waits that nothing more will come.
        });
        Self { name, lines }
    }

    /// What there is so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// How many lines there are so far: a place for [`wait_from`](Self::wait_from).
    pub fn len(&self) -> usize {
        self.lines.borrow().len()
    }

    /// Whether there is nothing so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first line that is `wanted`, there already or still to come.
    pub async fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_from(0, what, wanted).await
    }

    /// The same, from line number `from` on.
    pub async fn wait_from(
        &self,
        from: usize,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let find = |lines: &Vec<String>| lines[from..].iter().find(|line| wanted(line)).cloned();
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| find(lines).is_some());
        match within(&format!("{what} in the {}", self.name), found).await {
            Ok(lines) => find(&lines).expect("it was found"),
            Err(_) => panic!("the {} ended without {what}", self.name),
        }
    }

    /// Waits for so many lines that are `wanted`.
    pub async fn wait_for(&self, count: usize, what: &str, wanted: impl Fn(&str) -> bool) {
        let mut lines = self.lines.clone();
        let enough = lines.wait_for(|lines| lines.iter().filter(|l| wanted(l)).count() >= count);
        let enough = within(&format!("{count} times {what} in the {}", self.name), enough).await;
        assert!(enough.is_ok(), "the {} ended without {count} times {what}", self.name);
    }

    /// Waits until nothing more can come: the process has ended.
    pub async fn wait_for_end(&self) {
        let mut lines = self.lines.clone();
        within(&format!("the end of the {}", self.name), async {
            while lines.changed().await.is_ok() {}
        })
        .await;
    }

    /// All of it, to be read by a person.
    pub fn quote(&self) -> String {
        let lines = self.lines();
        match lines.as_slice() {
            [] => format!("{}: nothing", self.name),
            lines => format!("{}:\n  | {}", self.name, lines.join("\n  | ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write as _, pipe};

    use super::*;

    #[tokio::test]
    async fn lines_are_awaited_wherever_they_are() {
        let (reader, mut writer) = pipe().unwrap();
        let log = Log::of("log", reader);
        writer.write_all(b"one\ntwo\nth").unwrap();
        assert_eq!(log.wait("the second", |line| line == "two").await, "two");
        let later = log.wait_from(2, "a t", |line| line.starts_with('t'));
        let write = async { writer.write_all(b"ree\n").unwrap() };
        assert_eq!(futures_util::future::join(later, write).await.0, "three");
        drop(writer);
        log.wait_for_end().await;
        assert_eq!(log.quote(), "log:\n  | one\n  | two\n  | three");
    }

    #[tokio::test]
    #[should_panic(expected = "the log ended without a miracle")]
    async fn what_cannot_come_any_more_is_not_awaited() {
        let (reader, writer) = pipe().unwrap();
        drop(writer);
        Log::of("log", reader).wait("a miracle", |_| true).await;
    }
}
