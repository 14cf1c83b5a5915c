//! `torana plugin test --bless`: what came of a case becomes what it expects. Only what the case
//! speaks of and what does not hold is written anew; the rest stays as it is, comments too.

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};
use torana_plugin_sdk::{
    Header,
    cases::{Case, Decision, End, ExpectedSettingError, ExpectedValue, Values, Witness},
    settings::SettingError,
};

/// The text of the case's file, with these expectations. An error says what cannot be written down.
pub(super) fn bless(
    text: &str,
    case: &Case,
    end: &End,
    seen: &impl Witness,
) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|why| format!("it is no TOML: {why}"))?;
    let expect = document.get_mut("expect").and_then(Item::as_table_like_mut);
    let expect = expect.ok_or("`expect` is no table")?;
    if decision(end) != case.expect.decision {
        set(expect, "decision", name(decision(end)).into());
    }
    failure(expect, case, end);
    if let Some(request) = part(expect, "request") {
        texts(request, "path", &seen.target());
        texts(request, "upstream", &seen.upstream().unwrap_or_default());
        fields(request, &case.expect.request.headers, |name| seen.sent(name));
        body(request, &seen.sent_body());
    }
    if let (Some(response), Some(given)) = (part(expect, "response"), Given::of(end, seen)) {
        if response.get("status").is_some_and(|old| old.as_integer() != Some(given.status.into())) {
            set(response, "status", i64::from(given.status).into());
        }
        fields(response, &case.expect.response.headers, |name| given.values(seen, name));
        body(response, &given.body);
    }
    if let Some(attributes) = part(expect, "attributes") {
        for (name, expected) in &case.expect.attributes {
            field(
                attributes,
                name,
                expected,
                &seen.attribute(name).into_iter().collect::<Vec<_>>(),
            );
        }
    }
    log(expect, &case.expect.log, &seen.log());
    Ok(document.to_string())
}

/// What the client gets.
struct Given<'a> {
    status: u16,
    /// Of a reply; else they are the witness's.
    headers: Option<&'a [Header]>,
    body: Vec<u8>,
}

impl<'a> Given<'a> {
    /// None where the host makes the answer.
    fn of(end: &'a End, seen: &impl Witness) -> Option<Self> {
        match end {
            End::Next => {
                let (status, body) = (seen.status(), seen.answered_body());
                Some(Self { status, headers: None, body })
            }
            End::Respond(reply) => {
                let body = reply.body.as_bytes().to_vec();
                Some(Self { status: reply.status, headers: Some(&reply.headers), body })
            }
            End::Fail(_) | End::Refuse(_) => None,
        }
    }

    fn values(&self, seen: &impl Witness, name: &str) -> Vec<String> {
        let Some(headers) = self.headers else { return seen.answered(name) };
        let found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.clone()).collect()
    }
}

fn decision(end: &End) -> Decision {
    match end {
        End::Next => Decision::Next,
        End::Respond(_) => Decision::Respond,
        End::Fail(_) => Decision::Fail,
        End::Refuse(_) => Decision::Refuse,
    }
}

fn name(decision: Decision) -> &'static str {
    match decision {
        Decision::Next => "next",
        Decision::Respond => "respond",
        Decision::Fail => "fail",
        Decision::Refuse => "refuse",
    }
}

fn failure(expect: &mut dyn TableLike, case: &Case, end: &End) {
    match end {
        End::Fail(failure) => {
            let says = expect.get("failure").and_then(Item::as_str);
            if says.is_some_and(|part| !failure.log.contains(part)) {
                set(expect, "failure", failure.log.as_str().into());
            }
            texts(expect, "client", &failure.client);
        }
        End::Refuse(errors) if !is_expected(&case.expect.settings, errors) => {
            set(expect, "settings", Value::Array(errors.iter().map(setting).collect()));
        }
        End::Refuse(_) | End::Next | End::Respond(_) => {}
    }
}

fn is_expected(expected: &[ExpectedSettingError], errors: &[SettingError]) -> bool {
    let holds = |(expected, is): (&ExpectedSettingError, &SettingError)| {
        expected.path == is.path && is.message.contains(&expected.message)
    };
    expected.len() == errors.len() && expected.iter().zip(errors).all(holds)
}

fn setting(error: &SettingError) -> Value {
    let path: Array = error.path.iter().map(String::as_str).collect();
    let mut table = InlineTable::new();
    table.insert("path", path.into());
    table.insert("message", error.message.as_str().into());
    Value::InlineTable(table)
}

fn log(expect: &mut dyn TableLike, parts: &[String], lines: &[String]) {
    let mut rest = lines.iter();
    let holds = parts.iter().all(|part| rest.any(|line| line.contains(part)));
    if !holds {
        let lines: Array = lines.iter().map(String::as_str).collect();
        set(expect, "log", lines.into());
    }
}

/// A table of the expectations, if the case has it.
fn part<'a>(expect: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    expect.get_mut(name)?.as_table_like_mut()
}

fn texts(table: &mut dyn TableLike, name: &str, is: &str) {
    if table.get(name).is_some_and(|old| old.as_str() != Some(is)) {
        set(table, name, is.into());
    }
}

fn fields<'a>(
    table: &mut dyn TableLike,
    expected: impl IntoIterator<Item = (&'a String, &'a ExpectedValue)>,
    is: impl Fn(&str) -> Vec<String>,
) {
    let Some(headers) = part(table, "headers") else { return };
    for (name, expected) in expected {
        field(headers, name, expected, &is(name));
    }
}

fn field(table: &mut dyn TableLike, name: &str, expected: &ExpectedValue, is: &[String]) {
    match (expected, is) {
        (ExpectedValue::Is(there), _) if *there != is.is_empty() => {}
        (ExpectedValue::Is(_), _) => set(table, name, (!is.is_empty()).into()),
        (ExpectedValue::Values(values), _) if Values::as_slice(values) == is => {}
        (_, []) => set(table, name, false.into()),
        (_, [only]) => set(table, name, only.as_str().into()),
        (_, all) => set(table, name, all.iter().map(String::as_str).collect::<Array>().into()),
    }
}

/// A body that is no JSON, or has what TOML cannot say, stays: that is for a person.
fn body(table: &mut dyn TableLike, is: &[u8]) {
    let text = String::from_utf8_lossy(is);
    texts(table, "body", &text);
    let Some(old) = table.get("json") else { return };
    let old: Option<serde_json::Value> =
        toml::from_str::<toml::Table>(&format!("v = {}", inline(old)))
            .ok()
            .and_then(|mut table| serde_json::to_value(table.remove("v")?).ok());
    let Ok(new) = serde_json::from_str::<serde_json::Value>(&text) else { return };
    if old.as_ref() != Some(&new)
        && let Some(value) = in_toml(&new)
    {
        set(table, "json", value);
    }
}

/// A value in one line, wherever it stands.
fn inline(item: &Item) -> String {
    let value = item.clone().into_value();
    value.map(|value| value.decorated("", "").to_string()).unwrap_or_default()
}

/// None for what has a null in it.
fn in_toml(json: &serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(value) => (*value).into(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(values) => {
            Value::Array(values.iter().map(in_toml).collect::<Option<Array>>()?)
        }
        serde_json::Value::Object(entries) => {
            let mut table = InlineTable::new();
            for (name, value) in entries {
                table.insert(name, in_toml(value)?);
            }
            Value::InlineTable(table)
        }
    })
}

/// In the place of the old value, with the comment behind it.
fn set(table: &mut dyn TableLike, name: &str, mut value: Value) {
    let old = table.get(name).and_then(Item::as_value).map(|old| old.decor().clone());
    if let Some(decor) = old {
        *value.decor_mut() = decor;
    }
    table.insert(name, Item::Value(value));
}
