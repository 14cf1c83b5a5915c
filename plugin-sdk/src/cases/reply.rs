//! What a plugin answers goes out under the host's name, so it is looked at.

use crate::{Failure, Reply, fake::sound_headers};

/// A plugin's reply as the host lets it out, or the failure that it is.
pub(super) fn sound(reply: Reply) -> Result<Reply, Failure> {
    let broken = |why| Failure::new(format!("broke the contract: {why}"));
    if !(200..600).contains(&reply.status) {
        return Err(broken(format!("a reply of status {} (200 to 599)", reply.status)));
    }
    let headers = sound_headers(&reply.headers).map_err(broken)?;
    Ok(Reply { headers, ..reply })
}
