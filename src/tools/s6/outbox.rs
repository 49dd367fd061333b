//! Bytes that wait to be written.

/// A queue of bytes: appended at one end, written from the other.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// How many of them are written already.
    written: usize,
}

impl Outbox {
    /// What is still to be written.
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }
    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.pending().is_empty()
    }
    /// Where to append.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
    /// Notes that so many bytes are written.
    pub fn advance(&mut self, n: usize) {
        self.written += n;
        if self.is_empty() {
            self.clear();
        } else if self.written > self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }
    /// Forgets everything, and gives back the room that only a jam has needed.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(ROOM);
        self.written = 0;
    }
}

/// How many bytes of room are kept.
const ROOM: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_gone_and_the_rest_in_order() {
        let mut outbox = Outbox::default();
        outbox.end().extend_from_slice(b"abcdef");
        outbox.advance(2);
        assert_eq!(outbox.pending(), b"cdef");
        outbox.end().push(b'g');
        outbox.advance(3);
        assert_eq!(outbox.pending(), b"fg");
        outbox.advance(2);
        assert!(outbox.is_empty());
    }
}
