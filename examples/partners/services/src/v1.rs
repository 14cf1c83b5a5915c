//! The first version: a city, and the weight of all.
//!
//! `{"shipment":{"to":"Oslo","kg":12.5}}`

use serde_json::{Value, json};

use crate::{api::Version, shipments::Shipment};

pub(crate) const VERSION: Version = Version { write, read };

fn write(number: u64, shipment: &Shipment) -> Value {
    let kg: f64 = shipment.parcels.iter().sum();
    json!({ "number": number, "to": shipment.city, "kg": kg })
}

fn read(shipment: &Value) -> Result<Shipment, &'static str> {
    let city = shipment["to"].as_str().ok_or("a city to go `to`")?;
    let kg = shipment["kg"].as_f64().ok_or("its weight in `kg`, a number")?;
    Ok(Shipment { city: city.into(), country: None, parcels: vec![kg] })
}
