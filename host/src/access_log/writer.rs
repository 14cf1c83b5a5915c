//! Lines to a file, on a thread of its own.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing::{error, info};

use crate::{telemetry::Telemetry, worker};

/// How long a line waits at most before it is written.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a turn to another target is waited for.
const TURNING: Duration = Duration::from_secs(1);
/// What one worker collects before the thread is woken early.
const FULL_ENOUGH: usize = 64 << 10;

/// What each worker has at least: more than the longest line.
const LEAST_ROOM: usize = 256 << 10;

/// Takes lines from the workers and writes them, each whole, in the order of each worker. When it
/// is dropped its thread writes what there is and ends.
pub struct Writer {
    shared: Arc<Shared>,
}

/// What the thread and its writer have in common.
struct Shared {
    /// One buffer for each worker and the control thread: no worker waits for another.
    buffers: Box<[Mutex<Vec<u8>>]>,
    /// Bytes that one buffer takes.
    room: usize,
    state: Mutex<State>,
    /// Something for the thread to do.
    wake: Condvar,
    /// The thread has done it.
    done: Condvar,
    telemetry: Arc<Telemetry>,
}

struct State {
    /// Where the lines go from now on; taken by the thread.
    next: Option<Target>,
    /// Rounds that were asked for, and rounds that were made.
    asked: u64,
    made: u64,
    closed: bool,
}

/// An open file, or standard output.
pub struct Target {
    to: Box<dyn Write + Send>,
    name: String,
    path: Option<PathBuf>,
}

impl Target {
    /// Opens a file at its end, or standard output.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let to: Box<dyn Write + Send> = match path {
            Some(path) => Box::new(append(path, true)?),
            None => Box::new(io::stdout()),
        };
        let name = path.map_or_else(|| PathBuf::from("standard output"), Path::to_path_buf);
        Ok(Self { to, name: name.display().to_string(), path: path.map(Path::to_path_buf) })
    }

    /// Whether it ends inside a line. Asked by who writes it, between two writes: of one that is not done yet others
    /// may see a part.
    fn is_torn(&self) -> bool {
        self.path.as_deref().is_some_and(is_torn)
    }
}

/// Opens a log to add to it. Never waits: a FIFO that nobody reads would hold up whoever opens it, and reloads with it.
pub fn append(path: &Path, is_made: bool) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let unfit = || io::Error::other("it is neither a file nor a device");
    let opened = OpenOptions::new().append(true).create(is_made).custom_flags(flags).open(path);
    // A FIFO that nobody reads is told of as a device that is none.
    let is_none =
        |error: &io::Error| error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error());
    let file = opened.map_err(|error| if is_none(&error) { unfit() } else { error })?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_char_device() { Ok(file) } else { Err(unfit()) }
}

/// Whether a full disk or a crash has left half a line at the end of a file. One that may not be read is
/// taken for whole.
fn is_torn(path: &Path) -> bool {
    let mut last = [b'\n'];
    let is_file = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0);
    let mut read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    };
    is_file && read().is_ok() && last != *b"\n"
}

impl Writer {
    /// Begins to write. `buffer` is what may wait in all, in bytes.
    pub fn start(
        target: Target,
        buffer: u64,
        workers: usize,
        telemetry: Arc<Telemetry>,
    ) -> io::Result<Arc<Self>> {
        let shards = workers + 1;
        let shared = Arc::new(Shared {
            buffers: (0..shards).map(|_| Mutex::default()).collect(),
            room: (usize::try_from(buffer).unwrap_or(usize::MAX) / shards).max(LEAST_ROOM),
            state: Mutex::new(State { next: Some(target), asked: 0, made: 0, closed: false }),
            wake: Condvar::new(),
            done: Condvar::new(),
            telemetry,
        });
        let for_thread = shared.clone();
        thread::Builder::new().name("access-log".into()).spawn(move || for_thread.run())?;
        Ok(Arc::new(Self { shared }))
    }

    /// Takes a line, or drops it where there is no room. Never waits for the disk.
    pub fn write(&self, line: &[u8]) {
        self.shared.write(line);
    }

    /// From now on to another target. What came before this still goes to the old one. Waits until
    /// that is so, but not for a disk that hangs.
    pub fn redirect(&self, target: Target) {
        lock(&self.shared.state).next = Some(target);
        self.flush(TURNING);
    }

    /// Waits until everything that was taken before is written, or that time is over.
    pub fn flush(&self, at_most: Duration) {
        let mut state = lock(&self.shared.state);
        state.asked += 1;
        let wanted = state.asked;
        self.shared.wake.notify_one();
        let waiting = |state: &mut State| state.made < wanted;
        let _ = self.shared.done.wait_timeout_while(state, at_most, waiting);
    }

    /// Writes what there is and ends.
    pub fn close(&self, at_most: Duration) {
        lock(&self.shared.state).closed = true;
        self.flush(at_most);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.shared.state).closed = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn write(&self, line: &[u8]) {
        let index = worker::index().min(self.buffers.len() - 1);
        let mut buffer = lock(&self.buffers[index]);
        let before = buffer.len();
        if before + line.len() > self.room {
            drop(buffer);
            return self.telemetry.log_lines_dropped("buffer", 1);
        }
        buffer.extend_from_slice(line);
        drop(buffer);
        let enough = self.enough();
        if before < enough && before + line.len() >= enough {
            self.wake.notify_one();
        }
    }

    fn run(&self) {
        let mut sink = Sink { target: None, torn: false, failing: false };
        loop {
            let (asked, next, closed) = self.wait();
            // What has come so far belongs to the old file: whoever moved it away may read it.
            self.round(&mut sink);
            if let Some(target) = next {
                sink = Sink { torn: target.is_torn(), target: Some(target), failing: false };
                self.round(&mut sink);
            }
            lock(&self.state).made = asked;
            self.done.notify_all();
            if closed {
                return;
            }
        }
    }

    fn wait(&self) -> (u64, Option<Target>, bool) {
        let state = lock(&self.state);
        let nothing = |state: &mut State| {
            state.next.is_none() && state.asked == state.made && !state.closed && !self.is_full()
        };
        let waited = self.wake.wait_timeout_while(state, PAUSE, nothing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.asked, state.next.take(), state.closed)
    }

    fn is_full(&self) -> bool {
        self.buffers.iter().any(|buffer| lock(buffer).len() >= self.enough())
    }

    /// What is worth a round before its time.
    fn enough(&self) -> usize {
        FULL_ENOUGH.min(self.room / 2)
    }

    /// Writes what every worker has.
    fn round(&self, sink: &mut Sink) {
        if sink.target.is_none() {
            return;
        }
        for buffer in &self.buffers {
            let lines = std::mem::take(&mut *lock(buffer));
            if lines.is_empty() {
                continue;
            }
            let (written, lost) = sink.write(&lines);
            self.telemetry.log_lines_written(written);
            if lost > 0 {
                self.telemetry.log_lines_dropped("write", lost);
            }
        }
    }
}

/// A target, and how it is doing.
struct Sink {
    target: Option<Target>,
    /// The last write broke off inside a line.
    torn: bool,
    /// The last write failed: said once, not for every round.
    failing: bool,
}

impl Sink {
    /// Writes whole lines; says how many got there, and how many did not.
    fn write(&mut self, mut lines: &[u8]) -> (u64, u64) {
        let Some(target) = &mut self.target else { return (0, 0) };
        let all = count_lines(lines);
        // A piece of a line from before must not become a part of this one.
        let mut fence: &[u8] = if self.torn { b"\n" } else { b"" };
        let outcome = loop {
            let part = if fence.is_empty() { lines } else { fence };
            if part.is_empty() {
                break target.to.flush();
            }
            match target.to.write(part) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) if fence.is_empty() => {
                    self.torn = lines[count - 1] != b'\n';
                    lines = &lines[count..];
                }
                Ok(count) => fence = &fence[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.report(outcome);
        let lost = count_lines(lines);
        (all - lost, lost)
    }

    fn report(&mut self, outcome: io::Result<()>) {
        let log = self.target.as_ref().map_or("", |target| target.name.as_str());
        match outcome {
            Err(error) if !self.failing => {
                error!(log, %error, "the access log cannot be written; lines are lost");
                self.failing = true;
            }
            Ok(()) if self.failing => {
                info!(log, "the access log is written again");
                self.failing = false;
            }
            _ => {}
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    #[derive(Clone)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        room: Arc<Mutex<usize>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = lock(&self.room);
            let count = bytes.len().min(*room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= count;
            lock(&self.written).extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const LONG: Duration = Duration::from_secs(30);

    fn writer(room: usize, buffer: u64) -> (Arc<Writer>, Disk, Arc<Telemetry>) {
        let disk = Disk { written: Arc::default(), room: Arc::new(Mutex::new(room)) };
        let target = Target { to: Box::new(disk.clone()), name: "disk".into(), path: None };
        let telemetry = Telemetry::new();
        let writer = Writer::start(target, buffer, 1, telemetry.clone()).unwrap();
        (writer, disk, telemetry)
    }

    fn text(disk: &Disk) -> String {
        String::from_utf8(lock(&disk.written).clone()).unwrap()
    }

    #[test]
    fn a_full_disk_loses_lines_but_tears_none() {
        let (writer, disk, telemetry) = writer(10, 1 << 20);
        writer.write(b"first\n");
        writer.write(b"second\n");
        writer.flush(LONG);
        assert_eq!(text(&disk), "first\nseco");
        *lock(&disk.room) = 100;
        writer.write(b"third\n");
        writer.flush(LONG);
        assert_eq!(text(&disk), "first\nseco\nthird\n");
        let metrics = telemetry.render();
        assert!(metrics.contains("torana_access_log_lines_total 2"), "{metrics}");
        let dropped = "torana_access_log_dropped_total{reason=\"write\"} 1";
        assert!(metrics.contains(dropped), "{metrics}");
        writer.close(LONG);
    }

    #[test]
    fn what_is_no_file_is_no_log() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let refused = || append(&fifo, false).unwrap_err().to_string();
        assert_eq!(refused(), "it is neither a file nor a device", "nobody reads it");
        let _reader = File::options().read(true).write(true).open(&fifo).unwrap();
        assert_eq!(refused(), "it is neither a file nor a device", "somebody does");
        let missing = append(&folder.path().join("none"), false).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(append(Path::new("/dev/null"), false).is_ok());
    }

    #[test]
    fn half_a_line_from_before_is_no_part_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        for (before, after) in
            [("whole\nha", "whole\nha\nnew\n"), ("whole\n", "whole\nnew\n"), ("", "new\n")]
        {
            std::fs::write(&path, before).unwrap();
            let target = Target::open(Some(&path)).unwrap();
            let writer = Writer::start(target, 1 << 20, 1, Telemetry::new()).unwrap();
            writer.write(b"new\n");
            writer.close(LONG);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn what_has_no_room_is_dropped_and_counted() {
        let (writer, disk, telemetry) = writer(1 << 20, 1);
        // The thread takes what there is at its own time; a line that is longer than the buffer
        // never fits.
        writer.write(&vec![b'x'; LEAST_ROOM + 1]);
        writer.write(b"fits\n");
        writer.close(LONG);
        assert_eq!(text(&disk), "fits\n");
        let dropped = "torana_access_log_dropped_total{reason=\"buffer\"} 1";
        assert!(telemetry.render().contains(dropped));
    }

    #[test]
    fn a_new_target_gets_what_comes_after_it() {
        let (writer, old, _) = writer(1 << 20, 1 << 20);
        writer.write(b"old\n");
        writer.flush(LONG);
        let new = Disk { written: Arc::default(), room: Arc::new(Mutex::new(100)) };
        writer.redirect(Target { to: Box::new(new.clone()), name: "new".into(), path: None });
        writer.flush(LONG);
        writer.write(b"new\n");
        writer.close(LONG);
        assert_eq!((text(&old).as_str(), text(&new).as_str()), ("old\n", "new\n"));
    }
}
