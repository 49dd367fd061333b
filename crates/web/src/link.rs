//! What the two processes say to each other: a question, a line of JSON; then frames of what the
//! command wrote, and how it ended.

/// The longest question, in bytes.
pub(crate) const LONGEST_ASK: usize = 16 << 10;

/// The longest piece in a frame, in bytes.
pub(crate) const LONGEST_PIECE: usize = 64 << 10;

/// The length of what comes before a piece: its kind, and its length as four bytes.
pub(crate) const HEAD: usize = 5;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Something that the command wrote to stdout.
    Output,
    /// The same, to stderr.
    Message,
    /// Its exit code, in decimal.
    End,
}

impl Frame {
    /// What comes before a piece of this length.
    pub(crate) fn head(self, length: usize) -> [u8; HEAD] {
        let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        [self.letter(), a, b, c, d]
    }

    /// Reads that. `None`: no frame begins so.
    pub(crate) fn parse(head: [u8; HEAD]) -> Option<(Self, usize)> {
        let [letter, a, b, c, d] = head;
        let kind =
            [Self::Output, Self::Message, Self::End].into_iter().find(|f| f.letter() == letter)?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        (length <= LONGEST_PIECE).then_some((kind, length))
    }

    fn letter(self) -> u8 {
        match self {
            Self::Output => b'o',
            Self::Message => b'e',
            Self::End => b'x',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for kind in [Frame::Output, Frame::Message, Frame::End] {
            assert_eq!(Frame::parse(kind.head(4711)), Some((kind, 4711)));
        }
        assert_eq!(Frame::parse(Frame::Output.head(LONGEST_PIECE + 1)), None);
        assert_eq!(Frame::parse(*b"?\0\0\0\0"), None);
    }
}
