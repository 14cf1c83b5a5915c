//! Which components may run at all: said by somebody who has looked at them, and held before a byte
//! of them is run.
//!
//! ```text
//! key | signature    Ed25519: signing a component, detached
//! signed     components that no trusted key has signed
//! lock       torana.lock: what each plugin was when somebody looked
//! changes    what is not as it was, as diagnostics
//! ```

mod changes;
mod key;
mod lock;
mod pin;
mod signature;
mod signed;

pub use changes::hold_to_lock;
pub use key::{PrivateKey, PublicKey};
pub use lock::{Lock, Locked, Unreadable};
pub use signature::{Signatures, Untrusted};
pub use signed::{hold_to_signatures, signer};
