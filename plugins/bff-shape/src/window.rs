//! How much of an array is shown, and who says so.

/// The items of an array that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Items before the first.
    pub(crate) offset: u64,
    pub(crate) count: u64,
}

/// What the settings say of an array's length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limit {
    /// How many items, if the client does not say.
    pub(crate) count: Option<u64>,
    /// The most that a client gets.
    pub(crate) max: Option<u64>,
    /// The query parameters that the client may use.
    pub(crate) count_parameter: Option<String>,
    pub(crate) offset_parameter: Option<String>,
    /// Pages, from 1 on.
    pub(crate) page_parameter: Option<String>,
}

/// A parameter that is no number, or the wrong one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongNumber {
    pub(crate) parameter: String,
    /// The least that it may be.
    pub(crate) least: u64,
}

impl Limit {
    /// Every parameter that it knows.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        let all = [&self.count_parameter, &self.offset_parameter, &self.page_parameter];
        all.into_iter().flatten().map(String::as_str)
    }

    /// What is shown, given the parameters' values.
    pub(crate) fn window<'a>(
        &self,
        value: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Window, WrongNumber> {
        let number = |parameter: &Option<String>, least| match parameter {
            Some(parameter) => {
                value(parameter).map(|text| read(parameter, text, least)).transpose()
            }
            None => Ok(None),
        };
        let most = self.max.unwrap_or(u64::MAX);
        let asked = number(&self.count_parameter, 0)?.map(|count| count.min(most));
        let count = asked.or(self.count).unwrap_or(most);
        let page = number(&self.page_parameter, 1)?.map(|page| (page - 1).saturating_mul(count));
        let offset = number(&self.offset_parameter, 0)?.or(page).unwrap_or(0);
        Ok(Window { offset, count })
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let pages = self.page_parameter.is_some();
        if self.count.is_none() && self.parameters().next().is_none() {
            return Some("write `count`: nothing is limited");
        }
        if pages && self.count.is_none() {
            return Some("write `count`: pages need a length");
        }
        if pages && self.offset_parameter.is_some() {
            return Some("write either `page_parameter` or `offset_parameter`");
        }
        if self.max.is_some() && self.count_parameter.is_none() {
            return Some("`max` is for what a client asks: write `count_parameter` too");
        }
        if self.max.is_some_and(|max| self.count.is_some_and(|count| count > max)) {
            return Some("`count` is more than `max`");
        }
        None
    }
}

fn read(parameter: &str, text: &str, least: u64) -> Result<u64, WrongNumber> {
    // (`parse` would take a plus sign.)
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number >= least);
    number.ok_or_else(|| WrongNumber { parameter: parameter.into(), least })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit() -> Limit {
        Limit {
            count: Some(20),
            max: Some(50),
            count_parameter: Some("limit".into()),
            offset_parameter: Some("offset".into()),
            page_parameter: None,
        }
    }

    fn window(limit: &Limit, query: &[(&str, &str)]) -> Result<(u64, u64), String> {
        let value = |name: &str| query.iter().find(|(known, _)| *known == name).map(|pair| pair.1);
        let window = limit.window(value).map_err(|wrong| wrong.parameter)?;
        Ok((window.offset, window.count))
    }

    #[test]
    fn a_client_may_ask_for_more_or_less() {
        assert_eq!(window(&limit(), &[]), Ok((0, 20)));
        assert_eq!(window(&limit(), &[("limit", "5"), ("offset", "10")]), Ok((10, 5)));
        assert_eq!(window(&limit(), &[("limit", "99")]), Ok((0, 50)));
        assert_eq!(window(&limit(), &[("limit", "0")]), Ok((0, 0)));
        let fixed = Limit { count: Some(3), ..Limit::default() };
        assert_eq!(window(&fixed, &[("limit", "99")]), Ok((0, 3)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for wrong in ["", "-1", "+1", "1.5", "x", " 1", "99999999999999999999"] {
            assert_eq!(window(&limit(), &[("offset", wrong)]), Err("offset".into()), "{wrong}");
        }
    }

    #[test]
    fn pages_begin_with_one() {
        let pages = Limit { offset_parameter: None, page_parameter: Some("p".into()), ..limit() };
        assert_eq!(window(&pages, &[("p", "3")]), Ok((40, 20)));
        assert_eq!(window(&pages, &[("p", "3"), ("limit", "10")]), Ok((20, 10)));
        assert_eq!(window(&pages, &[("p", "0")]), Err("p".into()));
        let far = u64::MAX.to_string();
        assert_eq!(window(&pages, &[("p", &far)]), Ok((u64::MAX, 20)));
    }

    #[test]
    fn mistakes_are_found() {
        assert!(limit().fault().is_none());
        assert!(Limit::default().fault().is_some());
        assert!(Limit { count_parameter: None, ..limit() }.fault().is_some());
        assert!(Limit { count: Some(51), ..limit() }.fault().is_some());
        assert!(Limit { page_parameter: Some("p".into()), ..limit() }.fault().is_some());
        let endless = Limit { page_parameter: Some("p".into()), ..Limit::default() };
        assert!(endless.fault().is_some());
    }
}
