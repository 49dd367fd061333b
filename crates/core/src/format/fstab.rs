//! The lines of fstab(5), and of /proc/mounts, which are written the same way.

/// A line: what to mount where, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FstabEntry {
    /// The device, or whatever takes its place.
    pub device: Vec<u8>,
    /// The directory to mount it on.
    pub directory: Vec<u8>,
    /// The type of its file system; `swap` is none.
    pub kind: Vec<u8>,
    /// The options, between commas.
    pub options: Vec<u8>,
}

impl FstabEntry {
    /// The options one by one.
    pub fn each_option(&self) -> impl Iterator<Item = &[u8]> {
        self.options.split(|&b| b == b',').filter(|option| !option.is_empty())
    }
}

/// The entries of a text. Comments, empty lines and lines with a single word are skipped.
pub fn entries(text: &[u8]) -> impl Iterator<Item = FstabEntry> {
    text.split(|&b| b == b'\n').filter_map(|line| {
        let mut words = line.split(|b| b" \t\r".contains(b)).filter(|word| !word.is_empty());
        let device = words.next().filter(|word| !word.starts_with(b"#"))?;
        let directory = unescape(words.next()?);
        let [kind, options] = [(); 2].map(|()| unescape(words.next().unwrap_or_default()));
        Some(FstabEntry { device: unescape(device), directory, kind, options })
    })
}

/// Replaces the three octal digits that stand for a blank, a backslash and the like.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut parts = word.split(|&b| b == b'\\');
    let mut plain = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let digits = part.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                plain.extend_from_slice(&part[3..]);
            }
            None => {
                plain.push(b'\\');
                plain.extend_from_slice(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_stubs_are_no_entries() {
        let text = b"# /dev/sda1 / ext4\n\n  \t\n/dev/sda2\n/dev/sdb\t/mnt  ext4 ro,,nofail 0 2\n\
                     proc /proc";
        let all: Vec<FstabEntry> = entries(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].directory, b"/mnt");
        assert_eq!(all[0].each_option().collect::<Vec<_>>(), [b"ro".as_slice(), b"nofail"]);
        assert_eq!((all[1].kind.as_slice(), all[1].options.as_slice()), (&b""[..], &b""[..]));
    }

    #[test]
    fn escapes_are_three_octal_digits() {
        let of = |word: &[u8]| unescape(word);
        assert_eq!(of(b"/a\\040b\\134\\011"), b"/a b\\\t");
        assert_eq!(of(b"\\9\\04\\777\\"), b"\\9\\04\\777\\");
    }
}
