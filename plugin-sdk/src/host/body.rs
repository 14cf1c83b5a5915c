use super::BodyError;
use crate::Refused;

/// Reads a body in ranges, so that a large one need not fit the guest's memory.
pub trait ReadBody {
    /// The length in bytes. In `handle`, it waits for the end of the body.
    fn length(&self) -> Result<u64, Refused<BodyError>>;
    /// At most `length` bytes from `offset` on; fewer, or none, at the end.
    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, Refused<BodyError>>;
    /// The whole body, which must be UTF-8.
    fn text(&self) -> Result<String, Refused<BodyError>>;

    /// The whole body.
    fn bytes(&self) -> Result<Vec<u8>, Refused<BodyError>> {
        // The first read nearly always gives everything, so it is not copied again.
        let mut body = self.read(0, u32::MAX)?;
        loop {
            let part = self.read(body.len() as u64, u32::MAX)?;
            if part.is_empty() {
                return Ok(body);
            }
            body.extend(part);
        }
    }
}

/// Writes another body, which takes the place of the old one when the hook answers `next`. Until
/// then the old one stays readable, so that a plugin can read a range and write a range.
pub trait EditBody {
    /// Appends to the new body.
    fn write(&self, data: &[u8]) -> Result<(), Refused<BodyError>>;
    /// Appends text to the new body.
    fn write_text(&self, data: &str) -> Result<(), Refused<BodyError>>;
    /// Drops what was written so far: the new body is empty.
    fn clear(&self) -> Result<(), Refused<BodyError>>;
}
