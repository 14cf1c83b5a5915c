//! What was booked, whatever version it was booked with.

use std::sync::Mutex;

/// So many are kept: a demo may run for long.
const KEPT: usize = 1000;

/// A shipment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shipment {
    pub(crate) city: String,
    /// Two letters; the first version has none.
    pub(crate) country: Option<String>,
    /// The weight of each, in kg.
    pub(crate) parcels: Vec<f64>,
}

/// The shipments since the start, oldest first.
#[derive(Default)]
pub(crate) struct Shipments(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: u64,
    shipments: Vec<Entry>,
}

struct Entry {
    partner: String,
    number: u64,
    shipment: Shipment,
}

impl Shipments {
    /// Books one for a partner; its number.
    pub(crate) fn book(&self, partner: &str, shipment: Shipment) -> u64 {
        let mut kept = self.0.lock().expect("no answer panics");
        if kept.shipments.len() == KEPT {
            kept.shipments.remove(0);
        }
        kept.last += 1;
        let number = kept.last;
        kept.shipments.push(Entry { partner: partner.into(), number, shipment });
        number
    }

    /// A partner's own, with their numbers.
    pub(crate) fn of(&self, partner: &str) -> Vec<(u64, Shipment)> {
        let kept = self.0.lock().expect("no answer panics");
        let own = kept.shipments.iter().filter(|entry| entry.partner == partner);
        own.map(|entry| (entry.number, entry.shipment.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(city: &str) -> Shipment {
        Shipment { city: city.into(), country: None, parcels: vec![1.0] }
    }

    #[test]
    fn partners_have_their_own() {
        let shipments = Shipments::default();
        assert_eq!(shipments.book("acme", to("Oslo")), 1);
        assert_eq!(shipments.book("borealis", to("Riga")), 2);
        assert_eq!(shipments.of("acme"), [(1, to("Oslo"))]);
        assert_eq!(shipments.of("nobody"), []);
    }

    #[test]
    fn a_thousand_are_kept_and_no_number_comes_twice() {
        let shipments = Shipments::default();
        for _ in 0..=KEPT {
            shipments.book("acme", to("Oslo"));
        }
        let own = shipments.of("acme");
        assert_eq!((own.len(), own[0].0), (KEPT, 2));
        assert_eq!(shipments.book("acme", to("Oslo")), 1002);
    }
}
