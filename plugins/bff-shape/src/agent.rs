//! What kind of device a User-Agent speaks of. A few stable tokens, no database: who needs more has
//! a header or a claim for it.

/// `phone`, `tablet`, `desktop` or `bot`; none if nothing is known of it.
pub(crate) fn class(user_agent: &str) -> Option<&'static str> {
    let text = user_agent.to_ascii_lowercase();
    let has = |token: &&str| text.contains(*token);
    let is_mobile = text.contains("mobile");
    if BOTS.iter().any(has) || is_named_bot(&text) {
        Some("bot")
    } else if TABLETS.iter().any(has) || (text.contains("android") && !is_mobile) {
        Some("tablet")
    } else if is_mobile || PHONES.iter().any(has) {
        Some("phone")
    } else if DESKTOPS.iter().any(has) {
        Some("desktop")
    } else {
        None
    }
}

const BOTS: [&str; 5] = ["crawler", "spider", "slurp", "facebookexternalhit", "bot/"];
const TABLETS: [&str; 5] = ["ipad", "tablet", "playbook", "kindle", "silk/"];
const PHONES: [&str; 5] = ["iphone", "ipod", "windows phone", "blackberry", "opera mini"];
const DESKTOPS: [&str; 5] = ["windows nt", "macintosh", "x11", "cros", "linux"];

/// Whether a word ends with "bot", as in Googlebot; but Cubot makes phones.
fn is_named_bot(text: &str) -> bool {
    let mut words = text.split(|char: char| !char.is_ascii_alphanumeric());
    words.any(|word| word.ends_with("bot") && word != "cubot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_agents_are_known() {
        for (agent, is) in [
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "phone"),
            ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/130.0 Mobile Safari/537.36", "phone"),
            ("Mozilla/5.0 (Linux; Android 12; CUBOT P60) Chrome/130.0 Mobile Safari", "phone"),
            ("Mozilla/5.0 (Linux; Android 15; SM-X910) Chrome/130.0 Safari/537.36", "tablet"),
            ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Mobile/15E148", "tablet"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/131.0", "desktop"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1", "desktop"),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/130.0", "desktop"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
            ("Mozilla/5.0 (Linux; Android 6.0.1) Mobile (compatible; bingbot/2.0)", "bot"),
            ("Mozilla/5.0 (compatible; Baiduspider/2.0)", "bot"),
        ] {
            assert_eq!(class(agent), Some(is), "{agent}");
        }
        for agent in ["", "curl/8.10.1", "okhttp/4.12.0", "robotics-lab"] {
            assert_eq!(class(agent), None, "{agent}");
        }
    }
}
