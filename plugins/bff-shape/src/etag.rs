//! Entity tags that tell one profile's documents from another's.
//!
//! Upstream and gateway see one tag for all profiles. If it went to clients as it is, a cache that
//! has the phone's document could ask for the tablet's with it, be told 304, and answer with the
//! wrong one; and clients would keep a document after its profile was changed. So a tag gets a mark
//! of the profile on its way out and loses it on its way in: `"abc"` is `W/"abc-s1f3a9c02"` to
//! clients, `s` for a tag that was strong, `w` for a weak one.

/// The mark of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark(String);

/// What is left of `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The tags that the upstream may know, as it knows them; empty if all were other profiles'.
    pub(crate) tags: String,
    /// Whether there are any that had the mark.
    pub(crate) was_marked: bool,
}

impl Mark {
    /// A mark that changes when the profile does.
    pub(crate) fn of(profile: &str) -> Self {
        // FNV-1a. Nothing is kept from anybody by it: it only has to differ.
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        Self(format!("{:08x}", profile.bytes().fold(0x811c_9dc5, mix)))
    }

    /// The tag for clients. None if it is no tag.
    pub(crate) fn put(&self, tag: &str) -> Option<String> {
        let (strength, opaque) = match tag.strip_prefix("W/") {
            Some(opaque) => ('w', opaque),
            None => ('s', tag),
        };
        let inside = opaque.strip_prefix('"')?.strip_suffix('"')?;
        let is_tag = !inside.contains('"');
        is_tag.then(|| format!("W/\"{inside}-{strength}{}\"", self.0))
    }

    /// What the upstream is to be asked. Tags without a mark are not ours to judge and stay, those
    /// with another profile's mark go. None if there is nothing to change.
    pub(crate) fn take(&self, if_none_match: &str) -> Option<Condition> {
        let tags = split(if_none_match)?;
        let mut was_marked = false;
        let mut kept = Vec::with_capacity(tags.len());
        for tag in &tags {
            match marked(tag) {
                Some((strength, inside, mark)) if mark == self.0 => {
                    was_marked = true;
                    kept.push(format!("{strength}\"{inside}\""));
                }
                Some(_) => {}
                None => kept.push((*tag).to_owned()),
            }
        }
        let tags = (was_marked || kept.len() < tags.len()).then(|| kept.join(", "))?;
        Some(Condition { tags, was_marked })
    }
}

/// `W/"abc-s1f3a9c02"` -> nothing, abc, 1f3a9c02.
fn marked(tag: &str) -> Option<(&'static str, &str, &str)> {
    let inside = tag.strip_prefix("W/\"")?.strip_suffix('"')?;
    let (inside, mark) = inside.rsplit_once('-')?;
    let (strength, digits) = match mark.strip_prefix('w') {
        Some(digits) => ("W/", digits),
        None => ("", mark.strip_prefix('s')?),
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 8 && digits.bytes().all(is_hex)).then_some((strength, inside, digits))
}

/// The tags of a list (commas may stand in them). None if it is no list of tags, `*` included.
fn split(list: &str) -> Option<Vec<&str>> {
    let mut tags = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let quote = if rest.starts_with("W/") { 2 } else { 0 };
        let inside = rest[quote..].strip_prefix('"')?;
        let length = quote + 1 + inside.find('"')? + 1;
        let (tag, after) = rest.split_at(length);
        tags.push(tag);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark() -> Mark {
        Mark("1f3a9c02".into())
    }

    #[test]
    fn a_tag_is_marked_and_unmarked() {
        for (tag, marked) in [
            ("\"abc\"", "W/\"abc-s1f3a9c02\""),
            ("W/\"a-b,c\"", "W/\"a-b,c-w1f3a9c02\""),
            ("\"\"", "W/\"-s1f3a9c02\""),
        ] {
            assert_eq!(mark().put(tag).as_deref(), Some(marked));
            let condition = Condition { tags: tag.into(), was_marked: true };
            assert_eq!(mark().take(marked), Some(condition));
        }
        for no_tag in ["abc", "\"", "", "\"a\"b\"", "w/\"a\""] {
            assert_eq!(mark().put(no_tag), None, "{no_tag}");
        }
    }

    #[test]
    fn other_profiles_tags_go() {
        let list = "W/\"a-s1f3a9c02\", W/\"b-s00000000\",\"c\"";
        let tags = "\"a\", \"c\"".to_owned();
        assert_eq!(mark().take(list), Some(Condition { tags, was_marked: true }));
        let nothing = Condition { tags: String::new(), was_marked: false };
        assert_eq!(mark().take("W/\"b-w00000000\""), Some(nothing));
    }

    #[test]
    fn what_has_no_mark_is_left_alone() {
        for list in
            ["*", "", "\"a\", W/\"b\"", "\"a-s1f3a9c02\"", "W/\"a-s1f3a9c0\"", "a, b", "\"a"]
        {
            assert_eq!(mark().take(list), None, "{list}");
        }
    }

    #[test]
    fn another_profile_has_another_mark() {
        assert_ne!(Mark::of("phone {}"), Mark::of("tablet {}"));
        assert_eq!(Mark::of("").put("\"a\"").as_deref(), Some("W/\"a-s811c9dc5\""));
    }

    proptest! {
        #[test]
        fn any_header_is_read(text in "[\"W/,a-s01 ]{0,30}") {
            let _ = mark().take(&text);
            if let Some(tag) = mark().put(&text) {
                prop_assert!(mark().take(&tag).is_some());
            }
        }
    }
}
