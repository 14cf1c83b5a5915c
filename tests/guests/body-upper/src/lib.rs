//! Upper-cases the ASCII letters of whole bodies, in ranges: it never holds more than one of them.

use torana_plugin_sdk::{
    host::{EditBody, ReadBody},
    prelude::*,
};

const RANGE: u32 = 64 << 10;

struct BodyUpper;

#[plugin]
impl Plugin for BodyUpper {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingErrors> {
        Ok(Self)
    }

    fn on_request_body(&self, host: &impl Host) -> Outcome {
        upper_case(&host.request_body(), &host.request_body_edit())
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        upper_case(&host.response_body(), &host.response_body_edit())
    }
}

fn upper_case(old: &impl ReadBody, new: &impl EditBody) -> Outcome {
    // An empty body stays one, though nothing is written below.
    new.clear()?;
    let mut offset = 0;
    loop {
        let mut range = old.read(offset, RANGE)?;
        if range.is_empty() {
            return Ok(Action::Next);
        }
        offset += range.len() as u64;
        range.make_ascii_uppercase();
        new.write(&range)?;
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::fake::FakeHost;

    use super::*;

    #[test]
    fn all_ranges_are_upper_cased() {
        let body = "aä".repeat(100_000);
        let host = FakeHost::new("POST", "/").with_body(body.as_str());
        assert_eq!(BodyUpper.on_request_body(&host), Ok(Action::Next));
        assert_eq!(host.forwarded_body(), "Aä".repeat(100_000).as_bytes());
    }
}
