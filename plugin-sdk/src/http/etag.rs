//! Entity tags that tell one form of a document from another.
//!
//! Where a plugin makes several documents of one (shapes, languages), service and gateway see one tag
//! for all of them. If it went to clients as it is, a cache that has one form could ask for another
//! with it, be told 304, and answer with the wrong one; and clients would keep a document after the
//! settings that made it were changed. So a tag gets a mark of its form on its way out and loses it
//! on its way in: `"abc"` is `W/"abc-s1f3a9c02"` to clients, `s` for a tag that was strong, `w` for a
//! weak one. (A body that a plugin has changed has a weak tag in any case.)

/// The mark of one form of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMark(String);

/// What is left of `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedTags {
    /// The tags that the service may know, as it knows them; empty if all were other forms'.
    pub tags: String,
    /// Whether there are any that had the mark.
    pub was_marked: bool,
}

impl TagMark {
    /// The mark of a form, which is told by all that makes it what it is: the settings, say. The mark
    /// changes when that does.
    pub fn of(form: &str) -> Self {
        // FNV-1a. Nothing is kept from anybody by it: it only has to differ.
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        Self(format!("{:08x}", form.bytes().fold(0x811c_9dc5, mix)))
    }

    /// The tag for clients. None if it is no tag.
    pub fn put(&self, tag: &str) -> Option<String> {
        let (strength, opaque) = match tag.strip_prefix("W/") {
            Some(opaque) => ('w', opaque),
            None => ('s', tag),
        };
        let inside = opaque.strip_prefix('"')?.strip_suffix('"')?;
        let is_tag = !inside.contains('"');
        is_tag.then(|| format!("W/\"{inside}-{strength}{}\"", self.0))
    }

    /// What the service is to be asked with `If-None-Match`. Tags without a mark are not ours to
    /// judge and stay, those with another form's mark go. None if there is nothing to change.
    pub fn take(&self, if_none_match: &str) -> Option<AskedTags> {
        self.asked(if_none_match, true)
    }

    /// The same where every response of this form is marked, so that a tag without a mark is another
    /// form's, too.
    pub fn take_marked(&self, if_none_match: &str) -> Option<AskedTags> {
        self.asked(if_none_match, false)
    }

    /// `If-Match` as the service is to see it: tags with the mark lose it, and all others stay, for a
    /// condition on a change must not get lost. None if there is nothing to change.
    ///
    /// A marked tag is weak, and weak ones never match there (RFC 9110, 13.1.1). But the mark says
    /// what the service said: where that was a strong tag, it can tell whether its document is still
    /// the one that the client's was made of.
    pub fn unmark(&self, if_match: &str) -> Option<String> {
        let tags = split(if_match)?;
        let unmarked: Vec<_> = tags.iter().map(|tag| self.taken_off(tag)).collect();
        let is_any = unmarked.iter().any(Option::is_some);
        let tags =
            unmarked.into_iter().zip(tags).map(|(own, tag)| own.unwrap_or_else(|| tag.into()));
        is_any.then(|| tags.collect::<Vec<_>>().join(", "))
    }

    fn asked(&self, if_none_match: &str, keeps_unmarked: bool) -> Option<AskedTags> {
        let tags = split(if_none_match)?;
        let mut was_marked = false;
        let mut kept = Vec::with_capacity(tags.len());
        for tag in &tags {
            if let Some(own) = self.taken_off(tag) {
                was_marked = true;
                kept.push(own);
            } else if keeps_unmarked && marked(tag).is_none() {
                kept.push((*tag).to_owned());
            }
        }
        let tags = (was_marked || kept.len() < tags.len()).then(|| kept.join(", "))?;
        Some(AskedTags { tags, was_marked })
    }

    /// The service's tag, if this is one with the mark.
    fn taken_off(&self, tag: &str) -> Option<String> {
        let (strength, inside, mark) = marked(tag)?;
        (mark == self.0).then(|| format!("{strength}\"{inside}\""))
    }
}

/// `W/"abc-s1f3a9c02"` -> nothing, abc, 1f3a9c02. Some caches and clients lose the `W/`.
fn marked(tag: &str) -> Option<(&'static str, &str, &str)> {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let inside = opaque.strip_prefix('"')?.strip_suffix('"')?;
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
    use super::*;

    fn mark() -> TagMark {
        TagMark("1f3a9c02".into())
    }

    #[test]
    fn a_tag_is_marked_and_unmarked() {
        for (tag, marked) in [
            ("\"abc\"", "W/\"abc-s1f3a9c02\""),
            ("W/\"a-b,c\"", "W/\"a-b,c-w1f3a9c02\""),
            ("\"\"", "W/\"-s1f3a9c02\""),
        ] {
            assert_eq!(mark().put(tag).as_deref(), Some(marked));
            let asked = AskedTags { tags: tag.into(), was_marked: true };
            for marked in [marked, &marked[2..]] {
                assert_eq!(mark().take(marked).as_ref(), Some(&asked));
                assert_eq!(mark().take_marked(marked).as_ref(), Some(&asked));
                assert_eq!(mark().unmark(marked).as_deref(), Some(tag));
            }
        }
        for no_tag in ["abc", "\"", "", "\"a\"b\"", "w/\"a\""] {
            assert_eq!(mark().put(no_tag), None, "{no_tag}");
        }
    }

    #[test]
    fn tags_of_other_forms_go() {
        let list = "W/\"a-s1f3a9c02\", W/\"b-s00000000\",\"c\"";
        let tags = "\"a\", \"c\"".to_owned();
        assert_eq!(mark().take(list), Some(AskedTags { tags, was_marked: true }));
        let nothing = AskedTags { tags: String::new(), was_marked: false };
        assert_eq!(mark().take("W/\"b-w00000000\""), Some(nothing));
    }

    #[test]
    fn what_has_no_mark_is_left_alone() {
        for list in
            ["*", "", "\"a\", W/\"b\"", "\"a-s1f3a9c0\"", "W/\"a-x1f3a9c02\"", "a, b", "\"a"]
        {
            assert_eq!(mark().take(list), None, "{list}");
            assert_eq!(mark().unmark(list), None, "{list}");
        }
    }

    #[test]
    fn where_all_are_marked_only_those_stay() {
        let list = "\"a\", W/\"b-s1f3a9c02\"";
        let tags = "\"b\"".to_owned();
        assert_eq!(mark().take_marked(list), Some(AskedTags { tags, was_marked: true }));
        let nothing = AskedTags { tags: String::new(), was_marked: false };
        assert_eq!(mark().take_marked("\"a\""), Some(nothing));
        assert_eq!(mark().take_marked("*"), None);
    }

    #[test]
    fn a_condition_on_a_change_stays_one() {
        let list = "\"a\", W/\"b-s1f3a9c02\", W/\"c-s00000000\"";
        let unmarked = "\"a\", \"b\", W/\"c-s00000000\"";
        assert_eq!(mark().unmark(list).as_deref(), Some(unmarked));
    }

    #[test]
    fn another_form_has_another_mark() {
        assert_ne!(TagMark::of("phone {}"), TagMark::of("tablet {}"));
        assert_eq!(TagMark::of("").put("\"a\"").as_deref(), Some("W/\"a-s811c9dc5\""));
    }
}
