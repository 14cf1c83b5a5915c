//! Guests that misbehave: each fails one request, and nothing else.

mod ahead;
pub(crate) mod bodies;
mod failures;
mod instances;
mod limits;
mod order;
mod standing;
mod streams;
