//! Upper-cases the ASCII letters of bodies while they pass, and says so in a header. With
//! `fail_after = N` it breaks once N bytes have passed: the head is out by then.

use torana_plugin_sdk::{host::EditHeaders, prelude::*};

/// Which bodies, and how far.
#[settings]
#[derive(Clone)]
#[serde(default)]
#[derive(Default)]
struct Settings {
    /// Let bodies pass untouched.
    pass: bool,
    /// Break once this many bytes have passed.
    fail_after: Option<u64>,
    /// Panic rather than fail.
    panic: bool,
    /// Hold everything back until the body ends.
    hold: bool,
}

struct StreamUpper(Settings);

#[plugin]
impl Plugin for StreamUpper {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn on_request_stream(&self, host: &impl Host) -> StreamOutcome {
        self.start(&host.request_edit())
    }

    fn on_response_stream(&self, host: &impl Host) -> StreamOutcome {
        self.start(&host.response_edit())
    }
}

impl StreamUpper {
    fn start(&self, head: &impl EditHeaders) -> StreamOutcome {
        if self.0.pass {
            return Ok(None);
        }
        head.set_header("x-upper", "yes")?;
        Ok(Some(Box::new(Upper { settings: self.0.clone(), passed: 0, held: Vec::new() })))
    }
}

struct Upper {
    settings: Settings,
    passed: u64,
    held: Vec<u8>,
}

impl Transform for Upper {
    fn chunk(&mut self, mut data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.passed += data.len() as u64;
        if self.settings.fail_after.is_some_and(|limit| self.passed > limit) {
            assert!(!self.settings.panic, "panicked after {} bytes, on purpose", self.passed);
            let why = format!("failed after {} bytes, on purpose", self.passed);
            return Err(Failure::new(why).for_client("It is too long."));
        }
        data.make_ascii_uppercase();
        if !self.settings.hold {
            return Ok(data);
        }
        self.held.append(&mut data);
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(std::mem::take(&mut self.held))
    }
}
