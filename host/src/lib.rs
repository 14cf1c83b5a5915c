//! The gateway. Modules stand in floor order, and a module imports only from floors below its own
//! (ARCHITECTURE.md): reading this list from top to bottom is reading a request.

pub mod cli;

pub mod audit;
pub mod trial;

pub mod gateway;

pub mod admin;
pub mod listener;
pub mod trust;

pub mod proxy;

pub mod rescue;

pub mod access_log;
pub mod audit_log;
pub mod chain;
pub mod plugin;
pub mod router;
pub mod store;
pub mod upstream;

pub mod dispatch;
pub mod filter;
pub mod stores;
pub mod tls;

pub mod message;

pub mod traces;

pub mod body;
pub mod config;
pub mod heads;
pub mod http1;

pub mod alarm;
pub mod fields;
pub mod memory;
pub mod random;
pub mod telemetry;
pub mod wall;
pub mod worker;
