//! The clients' side of the gateway: who they are, how many, how they leave, and what they notice of
//! a restart.

mod clients;
mod crowds;
mod hand_over;
mod proxy_protocol;
mod sockets;
