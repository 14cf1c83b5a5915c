//! Version 0.1.0 of the contract is frozen: what was built for it goes on working, and what is added
//! takes nothing away.

mod frozen;
mod shape;
mod versions;
