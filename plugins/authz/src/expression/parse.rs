//! From words and signs to a tree: recursive descent, one function for each strength.
//!
//! ```text
//! or      = and { "||" and }
//! and     = compare { "&&" compare }
//! compare = unary [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") unary ]
//! unary   = "!" unary | primary
//! primary = "(" or ")" | "[" [ or { "," or } ] "]" | literal | function "(" or { "," or } ")" | name
//! name    = word { "." word | "[" text "]" }
//! ```

use serde_json::Value as Json;

use super::{
    ExpressionError,
    ast::{Column, Comparison, Expr, Function, Kind, NAMES, Name},
    token::{Token, tokens},
};

/// The longest expression, in bytes. It bounds the number of parts as well.
const MAX_TEXT: usize = 4096;

/// How deep parentheses, lists, calls and `!` may stand in each other.
const MAX_DEPTH: usize = 32;

pub(super) fn parse(text: &str) -> Result<Expr, ExpressionError> {
    if text.len() > MAX_TEXT {
        let text = format!("more than {MAX_TEXT} bytes: make several rules of it");
        return Err(ExpressionError::new(1, text));
    }
    let tokens = tokens(text)?;
    let end = text.chars().count() + 1;
    let mut parser = Parser { tokens: &tokens, end, depth: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => {
            let text = format!("{} is not expected here: {}", described(token), AFTER_A_VALUE);
            Err(parser.error(text))
        }
    }
}

const AFTER_A_VALUE: &str = "after a value there is an operator (== != < <= > >= in && ||), or \
                             the end; == and the like do not go in chains";

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    /// The column after the last one.
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Expr, ExpressionError> {
        self.chain("||", Self::and, Kind::Or)
    }

    fn and(&mut self) -> Result<Expr, ExpressionError> {
        self.chain("&&", Self::compare, Kind::And)
    }

    fn chain(
        &mut self,
        sign: &str,
        part: fn(&mut Self) -> Result<Expr, ExpressionError>,
        kind: fn(Vec<Expr>) -> Kind,
    ) -> Result<Expr, ExpressionError> {
        let first = part(self)?;
        if !self.is_sign(sign) {
            return Ok(first);
        }
        let at = first.at;
        let mut parts = vec![first];
        while self.take_sign(sign) {
            parts.push(part(self)?);
        }
        Ok(Expr { at, kind: kind(parts) })
    }

    fn compare(&mut self) -> Result<Expr, ExpressionError> {
        let left = self.unary()?;
        let at = Column(self.column());
        let found = Comparison::ALL.into_iter().find(|c| self.take_sign(c.as_str()));
        if let Some(comparison) = found {
            let right = self.unary()?;
            let kind = Kind::Compare(comparison, Box::new(left), Box::new(right));
            return Ok(Expr { at, kind });
        }
        if matches!(self.peek(), Some(Token::Word(word)) if word == "in") {
            self.next();
            let right = self.unary()?;
            return Ok(Expr { at, kind: Kind::In(Box::new(left), Box::new(right)) });
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, ExpressionError> {
        let at = Column(self.column());
        if !self.take_sign("!") {
            return self.primary();
        }
        let inner = self.deeper(Self::unary)?;
        Ok(Expr { at, kind: Kind::Not(Box::new(inner)) })
    }

    fn primary(&mut self) -> Result<Expr, ExpressionError> {
        let column = self.column();
        let here = |kind| Expr { at: Column(column), kind };
        match self.next() {
            Some(Token::Text(text)) => Ok(here(Kind::Literal(Json::String(text.clone())))),
            Some(Token::Number(number)) => Ok(here(Kind::Literal(Json::Number(number.clone())))),
            Some(Token::Word(word)) => self.word(word, column).map(here),
            Some(Token::Sign("(")) => {
                let inner = self.deeper(Self::or)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => Ok(here(Kind::List(self.list("]")?))),
            Some(token) => {
                let text = format!("{} is not expected here: a value is missing", described(token));
                Err(ExpressionError::new(column, text))
            }
            None => {
                Err(ExpressionError::new(column, "the expression ends where a value should be"))
            }
        }
    }

    fn word(&mut self, word: &str, column: usize) -> Result<Kind, ExpressionError> {
        Ok(match word {
            "null" => Kind::Literal(Json::Null),
            "true" => Kind::Literal(Json::Bool(true)),
            "false" => Kind::Literal(Json::Bool(false)),
            _ if self.is_sign("(") => self.call(word, column)?,
            _ => Kind::Name(self.name(word, column)?),
        })
    }

    fn call(&mut self, word: &str, column: usize) -> Result<Kind, ExpressionError> {
        let known = Function::ALL.into_iter().find(|function| function.as_str() == word);
        let Some(function) = known else {
            let known = Function::ALL.map(Function::as_str).join(", ");
            let text = format!("there is no function `{word}`; there are {known}");
            return Err(ExpressionError::new(column, text));
        };
        self.expect("(")?;
        let arguments = self.list(")")?;
        if arguments.len() != function.arity() {
            let text = format!("{word} takes {} values, not {}", function.arity(), arguments.len());
            return Err(ExpressionError::new(column, text));
        }
        // A pattern from a request would be the client's to make slow.
        let is_text = |expr: &Expr| matches!(expr.kind, Kind::Literal(Json::String(_)));
        if function == Function::Matches && !arguments.last().is_some_and(is_text) {
            let text = "the pattern of `matches` is a text in quotes";
            return Err(ExpressionError::new(column, text));
        }
        Ok(Kind::Call(function, arguments))
    }

    /// What stands between commas, and the sign at the end.
    fn list(&mut self, end: &'static str) -> Result<Vec<Expr>, ExpressionError> {
        let mut items = Vec::new();
        if self.take_sign(end) {
            return Ok(items);
        }
        loop {
            items.push(self.deeper(Self::or)?);
            if !self.take_sign(",") {
                self.expect(end)?;
                return Ok(items);
            }
        }
    }

    fn name(&mut self, root: &str, column: usize) -> Result<Name, ExpressionError> {
        let mut rest = Vec::new();
        loop {
            if self.take_sign(".") {
                let after = self.column();
                let Some(Token::Word(word)) = self.next() else {
                    let text = "a name is missing after the dot; others than words stand in \
                                brackets: claims[\"a b\"]";
                    return Err(ExpressionError::new(after, text));
                };
                rest.push(word.clone());
            } else if self.take_sign("[") {
                let after = self.column();
                let Some(Token::Text(text)) = self.next() else {
                    let text = "in brackets there is a name in quotes; what is in a list is asked \
                                for with `in`";
                    return Err(ExpressionError::new(after, text));
                };
                rest.push(text.clone());
                self.expect("]")?;
            } else {
                break;
            }
        }
        let written = [root].into_iter().chain(rest.iter().map(String::as_str));
        let written = written.collect::<Vec<_>>().join(".");
        Name::of(root, rest).ok_or_else(|| {
            let text = format!("`{written}` is not known; there are {NAMES}");
            ExpressionError::new(column, text)
        })
    }

    fn deeper(
        &mut self,
        part: fn(&mut Self) -> Result<Expr, ExpressionError>,
    ) -> Result<Expr, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} deep: make several rules of it")));
        }
        self.depth += 1;
        let expr = part(self);
        self.depth -= 1;
        expr
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.first().map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let ((_, token), rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(token)
    }

    fn column(&self) -> usize {
        self.tokens.first().map_or(self.end, |(column, _)| *column)
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), ExpressionError> {
        if self.take_sign(sign) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".into(), described);
        Err(self.error(format!("`{sign}` is missing here, there is {found}")))
    }

    fn error(&self, text: String) -> ExpressionError {
        ExpressionError::new(self.column(), text)
    }
}

fn described(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("the text {text:?}"),
        Token::Number(number) => format!("the number {number}"),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    fn wrong(text: &str) -> (usize, String) {
        let error = parse(text).unwrap_err();
        (error.column, error.message)
    }

    #[test]
    fn operators_have_their_strength() {
        for (text, same) in [
            ("true||false&&true", "true || false && true"),
            ("(true||false)&&true", "(true || false) && true"),
            ("true || (false && true)", "true || false && true"),
            ("!claims.a == true", "!claims.a == true"),
            ("!(claims.a == true)", "!(claims.a == true)"),
            ("!(\"a\" in scopes)&&true", "!(\"a\" in scopes) && true"),
            ("(true && true) && true", "(true && true) && true"),
            ("'it''s'=='a'", ""),
        ] {
            if same.is_empty() {
                assert!(parse(text).is_err(), "{text}");
            } else {
                assert_eq!(printed(text), same);
            }
        }
    }

    #[test]
    fn names_go_deep_and_may_have_any_letters() {
        for (text, same) in [
            ("claims . a . b", "claims.a.b"),
            ("claims[\"https://x/roles\"].in", "claims[\"https://x/roles\"].in"),
            ("claims['a']", "claims.a"),
            ("headers.X-Tenant", "headers.x-tenant"),
            ("attributes.keys.contract", "attributes[\"keys.contract\"]"),
            ("claims", "claims"),
            ("query['a b']", "query[\"a b\"]"),
        ] {
            assert_eq!(printed(text), same);
        }
    }

    #[test]
    fn literals_are_those_of_json() {
        for text in
            ["5", "-5", "0.5", "-1.25", "18446744073709551615", "\"ä\\\"\\\\\"", "[]", "null"]
        {
            assert_eq!(printed(text), text);
        }
        assert_eq!(printed("'a\"b\\'c'"), "\"a\\\"b'c\"");
    }

    #[test]
    fn a_mistake_has_its_column() {
        for (text, column, part) in [
            ("", 1, "the expression ends where a value should be"),
            ("true &&", 8, "the expression ends where a value should be"),
            ("ä", 1, "`ä` has no meaning here"),
            ("'ä' = 'b'", 5, "write == to compare"),
            ("true & true", 6, "write && for and"),
            ("true | true", 6, "write || for or"),
            ("(true", 6, "`)` is missing here, there is the end"),
            ("true)", 5, "`)` is not expected here: after a value there is an operator"),
            ("1 == 1 == 1", 8, "`==` is not expected here"),
            ("1 < 2 < 3", 7, "`<` is not expected here"),
            ("== 1", 1, "`==` is not expected here: a value is missing"),
            ("\"abc", 1, "this text has no end"),
            ("true && \"a\\nb\"", 11, "after a backslash there is a quote"),
            ("01", 1, "`01` is no number"),
            ("1.", 1, "`1.` is no number"),
            ("184467440737095516150", 1, "is no number"),
            ("- 5", 1, "`-` is not expected here"),
            ("claims.", 8, "a name is missing after the dot"),
            ("claims.roles[0]", 14, "what is in a list is asked for with `in`"),
            ("true && claim.sub", 9, "`claim.sub` is not known; there are attributes.NAME,"),
            ("consumer", 1, "`consumer` is not known"),
            ("headers.a.b", 1, "`headers.a.b` is not known"),
            ("path.a", 1, "`path.a` is not known"),
            ("upper(path)", 1, "there is no function `upper`; there are contains,"),
            ("lower()", 1, "lower takes 1 values, not 0"),
            ("startsWith(path)", 1, "startsWith takes 2 values, not 1"),
            ("matches(path, query.p)", 1, "the pattern of `matches` is a text in quotes"),
            ("[1, 2", 6, "`]` is missing here, there is the end"),
            ("true true", 6, "`true` is not expected here"),
        ] {
            let (is, message) = wrong(text);
            assert_eq!(is, column, "{text}: {message}");
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn depth_and_length_have_ends() {
        let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(32)).is_ok());
        assert_eq!(wrong(&nested(33)), (34, "more than 32 deep: make several rules of it".into()));
        assert!(wrong(&format!("{}true", "!".repeat(2000))).1.contains("deep"));
        assert!(wrong(&"[".repeat(2000)).1.contains("deep"));
        assert!(wrong(&format!("{}true", " ".repeat(4093))).1.contains("more than 4096 bytes"));
        // A long chain is not a deep one.
        assert!(parse(&vec!["true"; 500].join("&&")).is_ok());
    }
}
