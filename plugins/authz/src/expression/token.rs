//! From text to words and signs.

use serde_json::Number;

use super::{
    ExpressionError,
    ast::{goes_on, starts_word},
};

/// A word or a sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Number(Number),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 16] =
    ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", ".", "-"];

/// Every token, and its column.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ExpressionError> {
    let mut scanner = Scanner { rest: text, column: 1 };
    let mut tokens = Vec::new();
    loop {
        scanner.skip(|letter| letter.is_ascii_whitespace());
        let column = scanner.column;
        match scanner.next()? {
            Some(token) => tokens.push((column, token)),
            None => return Ok(tokens),
        }
    }
}

struct Scanner<'a> {
    rest: &'a str,
    column: usize,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Result<Option<Token>, ExpressionError> {
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let is_number = first.is_ascii_digit()
            || first == '-' && self.rest[1..].starts_with(|second: char| second.is_ascii_digit());
        Ok(Some(match first {
            '"' | '\'' => self.text(first)?,
            _ if is_number => self.number()?,
            _ if starts_word(first) => Token::Word(self.skip(goes_on).to_owned()),
            _ => self.sign(first)?,
        }))
    }

    /// Takes what fits.
    fn skip(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !fits(letter)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.column += taken.chars().count();
        taken
    }

    fn text(&mut self, quote: char) -> Result<Token, ExpressionError> {
        let start = self.column;
        self.take(1);
        let mut text = String::new();
        loop {
            text.push_str(self.skip(|letter| letter != quote && letter != '\\'));
            let escaped = self.rest.chars().nth(1);
            match self.rest.chars().next() {
                None => return Err(ExpressionError::new(start, "this text has no end")),
                Some(letter) if letter == quote => {
                    self.take(1);
                    return Ok(Token::Text(text));
                }
                Some(_) => match escaped.filter(|letter| "\\\"'".contains(*letter)) {
                    Some(letter) => {
                        text.push(letter);
                        self.take(2);
                    }
                    None => {
                        let text = "after a backslash there is a quote or another backslash";
                        return Err(ExpressionError::new(self.column, text));
                    }
                },
            }
        }
    }

    fn number(&mut self) -> Result<Token, ExpressionError> {
        let start = self.column;
        let length = self.rest[1..].find(|letter: char| !letter.is_ascii_digit());
        let mut length = length.map_or(self.rest.len(), |length| length + 1);
        if let Some(decimals) = self.rest[length..].strip_prefix('.') {
            let digits = decimals.find(|letter: char| !letter.is_ascii_digit());
            length += 1 + digits.unwrap_or(decimals.len());
        }
        // JSON's grammar: no leading zeros, digits after a point.
        let digits = self.take(length);
        match digits.parse::<Number>() {
            Ok(number) if number.as_f64().is_some_and(super::eval::is_exact) => {
                Ok(Token::Number(number))
            }
            Ok(number) if number.is_i64() || number.is_u64() => Ok(Token::Number(number)),
            _ => Err(ExpressionError::new(
                start,
                format!("`{digits}` is no number: write digits, like 5, -1 or 0.5"),
            )),
        }
    }

    fn sign(&mut self, first: char) -> Result<Token, ExpressionError> {
        if let Some(sign) = SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
            self.take(sign.len());
            return Ok(Token::Sign(sign));
        }
        let meant = match first {
            '=' => "; write == to compare",
            '&' => "; write && for and",
            '|' => "; write || for or",
            _ => "",
        };
        let text = format!("`{}` has no meaning here{meant}", first.escape_debug());
        Err(ExpressionError::new(self.column, text))
    }
}
