//! Holds values against schemas.

mod arrays;
mod objects;
mod report;
mod seen;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use report::{Mismatch, Report};
pub(crate) use walk::validate;
