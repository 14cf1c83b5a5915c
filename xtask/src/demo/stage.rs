//! An example's processes: the sample services, and the gateway in front of them.

use std::{
    net::TcpStream,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    demo::{
        client,
        example::{Example, Gateway},
        process::{Process, StopBy},
    },
    progress::step,
    project::Project,
};

/// Everything that runs. Fields are dropped in this order: the gateway first, so that it can finish
/// what it has begun.
pub(crate) struct Stage {
    gateway: Process,
    services: Option<Process>,
    interrupted: Arc<AtomicBool>,
}

impl Stage {
    /// Starts everything and waits until it answers.
    pub(crate) fn set(project: &Project, example: &Example) -> Result<Self> {
        // From here on Ctrl-C ends the demo by way of Drop, and leaves nothing running.
        let interrupted = watch_signals()?;
        expect_free(&example.gateway)?;
        let services = step("the sample services", || start_services(project, example))?;
        let gateway = step("the gateway starts", || start_gateway(project, example))?;
        Ok(Self { gateway, services, interrupted })
    }

    /// Waits for Ctrl-C; an error when something ends without it.
    pub(crate) fn until_interrupted(&mut self) -> Result<()> {
        while !self.is_interrupted() {
            self.expect_alive()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Fails if the gateway or the services have ended.
    pub(crate) fn expect_alive(&mut self) -> Result<()> {
        self.gateway.expect_alive()?;
        self.services.as_mut().map_or(Ok(()), Process::expect_alive)
    }

    /// The gateway's log.
    pub(crate) fn log(&self) -> &std::path::Path {
        self.gateway.log()
    }
}

fn watch_signals() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    Ok(interrupted)
}

/// A leftover on one of the addresses would answer in place of what is started here.
fn expect_free(gateway: &Gateway) -> Result<()> {
    match gateway.addresses().find(|address| connects(address)) {
        Some(address) => bail!("something listens on {address} already: stop it, then try again"),
        None => Ok(()),
    }
}

fn start_services(project: &Project, example: &Example) -> Result<Option<Process>> {
    if !example.has_services {
        return Ok(None);
    }
    let name = format!("{}-services", example.name);
    let mut command = Command::new(project.binary(&name));
    command.current_dir(&example.folder);
    let log = log(project, example, "services");
    let mut services = Process::start(&name, &mut command, log, StopBy::ClosingStdin)?;
    services.wait_until(|output| output.lines().any(|line| line == "ready"))?;
    Ok(Some(services))
}

fn start_gateway(project: &Project, example: &Example) -> Result<Process> {
    let mut command = Command::new(project.binary("torana"));
    command.arg("run").arg(format!("examples/{}/gateway.toml", example.name));
    command.current_dir(&project.root).env("NO_COLOR", "1");
    let log = log(project, example, "torana");
    let mut gateway = Process::start("torana", &mut command, log, StopBy::Signal)?;
    gateway.wait_until(|_| is_ready(&example.gateway))?;
    Ok(gateway)
}

/// Readiness says more than an open port, so it is asked for where there is someone to ask.
fn is_ready(gateway: &Gateway) -> bool {
    match &gateway.admin {
        Some(admin) => client::is_ok(&format!("http://{}/readyz", admin.address)),
        None => gateway.addresses().all(connects),
    }
}

fn connects(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

fn log(project: &Project, example: &Example, who: &str) -> PathBuf {
    project.target.join("demo").join(&example.name).join(format!("{who}.log"))
}
