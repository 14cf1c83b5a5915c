//! What schemas say of objects.

use std::borrow::Cow;

use super::{
    report::{At, Report},
    seen::Seen,
    walk::Walk,
};
use crate::{
    json::{Object, Value},
    schema::{Check, NodeId, Properties},
};

impl Walk<'_> {
    pub(super) fn object(
        &mut self,
        check: &Check,
        value: &Value<'_>,
        object: &Object<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        match check {
            Check::Required(names) => names.iter().all(|name| object.has(name)),
            Check::DependentRequired(rules) => rules.iter().all(|(name, names)| {
                !object.has(name) || names.iter().all(|name| object.has(name))
            }),
            Check::DependentSchemas(rules) => {
                let wanted = rules.iter().filter(|(name, _)| object.has(name)).map(|(_, id)| *id);
                self.all(&wanted.collect::<Vec<_>>(), value, at, seen, report)
            }
            Check::PropertyNames(id) => object.iter().all(|(name, _)| {
                let name = Value::String(Cow::Borrowed(name));
                self.child(*id, &name, at, &mut Report::default())
            }),
            Check::Properties(properties) => self.members(properties, object, at, seen, report),
            Check::UnevaluatedProperties(id) => self.unevaluated(*id, object, at, seen, report),
            _ => true,
        }
    }

    fn members(
        &mut self,
        properties: &Properties,
        object: &Object<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        let mut fits = true;
        for (index, (name, value)) in object.iter().enumerate() {
            let named = properties.named.get(name).copied();
            let patterns = properties.patterns.iter().filter(|(regex, _)| regex.is_match(name));
            let mut is_known = false;
            for id in named.into_iter().chain(patterns.map(|(_, id)| *id)) {
                is_known = true;
                fits &= self.child(id, value, At::Member(&at, name), report);
            }
            if let Some(id) = properties.additional.filter(|_| !is_known) {
                is_known = true;
                fits &= self.child(id, value, At::Member(&at, name), report);
            }
            if is_known {
                seen.mark(index);
            }
            if !fits && report.is_full() {
                break;
            }
        }
        fits
    }

    fn unevaluated(
        &mut self,
        id: NodeId,
        object: &Object<'_>,
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        let mut fits = true;
        for (_, (name, value)) in object.iter().enumerate().filter(|(index, _)| !seen.has(*index)) {
            fits &= self.child(id, value, At::Member(&at, name), report);
            if !fits && report.is_full() {
                break;
            }
        }
        (0..object.len()).for_each(|index| seen.mark(index));
        fits
    }
}
