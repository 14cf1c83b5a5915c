//! The second version: a country too, and each parcel by itself.
//!
//! `{"shipment":{"to":{"city":"Oslo","country":"NO"},"parcel":[{"kg":4.5},{"kg":8}]}}`

use serde_json::{Value, json};

use crate::{api::Version, shipments::Shipment};

pub(crate) const VERSION: Version = Version { write, read };

fn write(number: u64, shipment: &Shipment) -> Value {
    let mut to = json!({ "city": shipment.city });
    if let Some(country) = &shipment.country {
        to["country"] = country.as_str().into();
    }
    let parcels: Vec<_> = shipment.parcels.iter().map(|kg| json!({ "kg": kg })).collect();
    json!({ "number": number, "status": "booked", "to": to, "parcel": parcels })
}

fn read(shipment: &Value) -> Result<Shipment, &'static str> {
    let text = |name: &str| shipment["to"][name].as_str().map(String::from);
    let city = text("city").ok_or("a `city` to go `to`")?;
    let country = text("country").ok_or("a `country` to go `to`")?;
    let parcels = shipment["parcel"].as_array().filter(|parcels| !parcels.is_empty());
    let parcels = parcels.ok_or("an array `parcel`, with one at least")?;
    let parcels: Option<Vec<_>> = parcels.iter().map(|parcel| parcel["kg"].as_f64()).collect();
    let parcels = parcels.ok_or("the weight of each `parcel` in `kg`, a number")?;
    Ok(Shipment { city, country: Some(country), parcels })
}
