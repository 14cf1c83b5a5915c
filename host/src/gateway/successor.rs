//! The torana that takes this one's place: started with the same command line and with this one's
//! listening sockets, so that no connection is lost that the kernel has accepted meanwhile. It
//! serves before this one stops; if it cannot, this one goes on.
//!
//! The sockets are passed as systemd passes them (sd_listen_fds(3)), and a last one with them, on
//! which the successor says that it serves.

use std::{
    env, fs, io,
    io::Write as _,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net,
    },
    process::{Child, Command},
    time::Duration,
};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::io::{FdFlags, fcntl_setfd};
use tokio::{io::AsyncReadExt as _, net::UnixStream, time::timeout};

/// What the last socket is called. No listener can be called so.
pub(super) const LINE: &str = "torana/line";

/// What is said there (sd_notify(3) has the same word).
const READY: &[u8] = b"READY=1\n";

/// How long it may take to serve. It may have to compile every component.
const PATIENCE: Duration = Duration::from_secs(300);

/// File descriptors begin here (SD_LISTEN_FDS_START).
const FIRST: i32 = 3;

/// A process that has been started. It is ended if it is dropped before it serves.
pub struct Successor {
    child: Option<Child>,
    line: UnixStream,
}

impl Successor {
    /// Starts it: the file that this process was started from, as it is now.
    pub(super) fn start(sockets: Vec<(String, OwnedFd)>) -> io::Result<Self> {
        let (ours, theirs) = net::UnixStream::pair()?;
        let count = sockets.len() + 1;
        let sockets = sockets.into_iter().chain([(LINE.to_owned(), theirs.into())]);
        let (names, fds): (Vec<_>, Vec<_>) = sockets.unzip();
        let mapping = |(child_fd, parent_fd)| FdMapping { parent_fd, child_fd };
        let mut arguments = env::args_os();
        let mut command = Command::new(arguments.next().unwrap_or_else(|| "torana".into()));
        command
            .args(arguments)
            .env("LISTEN_FDS", count.to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            // Whose they are cannot be said before it is started.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS_FIRST_FD")
            .fd_mappings((FIRST..).zip(fds).map(mapping).collect())
            .map_err(io::Error::other)?;
        keep_files();
        ours.set_nonblocking(true)?;
        let line = UnixStream::from_std(ours)?;
        // The command holds our copies of its sockets, and is dropped here: the line ends with
        // the process.
        Ok(Self { child: Some(command.spawn()?), line })
    }

    /// Its process id, once it serves; or why it does not.
    pub async fn ready(mut self) -> Result<u32, String> {
        let mut word = [0; READY.len()];
        let told = timeout(PATIENCE, self.line.read_exact(&mut word)).await;
        match told.map(|told| told.is_ok() && word == READY) {
            Ok(true) => Ok(self.child.take().map_or(0, |child| child.id())),
            Ok(false) => Err("it ended before it served; its own lines say why".to_owned()),
            Err(_) => Err(format!("it did not serve within {PATIENCE:?}")),
        }
    }
}

/// Lets every file end with this process, but for the standard three and what is passed on
/// purpose. Rust opens files so, but the sandbox has one open that is not, and each successor would
/// have those of all before it.
fn keep_files() {
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return };
    let numbers = open.flatten().filter_map(|file| file.file_name().to_str()?.parse().ok());
    for number in numbers.filter(|number| *number >= FIRST) {
        // SAFETY: nothing is read, written or closed by it. If it was closed since it was listed, or
        // is another file by now, that file is to end with this process as well.
        #[allow(unsafe_code)]
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl_setfd(file, FdFlags::CLOEXEC);
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It has ended already, most often.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The torana whose place this one takes.
pub struct Predecessor(net::UnixStream);

impl Predecessor {
    pub(super) fn new(line: net::UnixStream) -> Self {
        Self(line)
    }

    /// Tells it that it may go.
    pub fn tell_ready(mut self) -> io::Result<()> {
        self.0.write_all(READY)
    }
}
