//! What schemas say of arrays.

use super::{
    report::{At, Report},
    seen::Seen,
    walk::Walk,
};
use crate::{
    json::{Value, twins},
    schema::{Check, Items, NodeId},
};

impl Walk<'_> {
    pub(super) fn array(
        &mut self,
        check: &Check,
        items: &[Value<'_>],
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        match check {
            Check::Unique => twins(items).is_none(),
            Check::Items(schemas) => self.items(schemas, items, at, seen, report),
            Check::Contains { node, least, most, counts } => {
                let count = self.count(*node, items, at, *counts, seen);
                count >= *least && most.is_none_or(|most| count <= most)
            }
            Check::UnevaluatedItems(id) => {
                let left: Vec<_> = (0..items.len()).filter(|&index| !seen.has(index)).collect();
                self.each(left.into_iter().map(|index| (index, *id)), items, at, seen, report)
            }
            _ => true,
        }
    }

    fn items(
        &mut self,
        schemas: &Items,
        items: &[Value<'_>],
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        let first = schemas.first.iter().copied().map(Some);
        let all = first.chain(std::iter::repeat(schemas.rest));
        let wanted = (0..items.len()).zip(all).filter_map(|(index, id)| Some((index, id?)));
        self.each(wanted, items, at, seen, report)
    }

    fn each(
        &mut self,
        wanted: impl Iterator<Item = (usize, NodeId)>,
        items: &[Value<'_>],
        at: At<'_>,
        seen: &mut Seen,
        report: &mut Report,
    ) -> bool {
        let mut fits = true;
        for (index, id) in wanted {
            fits &= self.child(id, &items[index], At::Item(&at, index), report);
            seen.mark(index);
            if !fits && report.is_full() {
                break;
            }
        }
        fits
    }

    /// How many items fit a schema.
    fn count(
        &mut self,
        id: NodeId,
        items: &[Value<'_>],
        at: At<'_>,
        marks: bool,
        seen: &mut Seen,
    ) -> usize {
        let mut count = 0;
        for (index, item) in items.iter().enumerate() {
            if self.child(id, item, At::Item(&at, index), &mut Report::default()) {
                count += 1;
                if marks {
                    seen.mark(index);
                }
            }
        }
        count
    }
}
