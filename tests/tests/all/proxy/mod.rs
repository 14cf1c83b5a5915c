//! A gateway without plugins: what goes on to the service, what comes back, and what comes when
//! something is wrong.

mod astray;
mod bodies;
mod failures;
mod forwarding;
mod http2;
mod limits;
mod live;
mod messages;
mod mirror;
mod redirect;
mod reply;
mod split;
mod upgrade;
