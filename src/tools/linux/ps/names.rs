//! Names for the numbers that /proc gives: terminals, and places in the kernel.

use crate::tools::{Word, path};
use litemap::LiteMap;
use nix::sys::stat::{SFlag, major, minor, stat};

/// The name of a terminal, below /dev: a guess that is then checked, rather than a search.
pub(super) fn terminal(number: u64) -> String {
    let (high, low) = (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xfff00);
    let guess = match high {
        4 if low < 64 => Some(format!("tty{low}")),
        136..144 => Some(format!("pts/{}", (high - 136) << 20 | low)),
        _ => None,
    };
    let known = || {
        let text = std::fs::read_to_string(format!("/sys/dev/char/{high}:{low}/uevent")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("DEVNAME=")).map(str::to_owned)
    };
    let is_it = |name: &String| is_device(name, high, low);
    guess
        .filter(is_it)
        .or_else(|| known().filter(is_it))
        .unwrap_or_else(|| format!("({high}:{low})"))
}

fn is_device(name: &str, high: u64, low: u64) -> bool {
    stat(path(format!("/dev/{name}").as_bytes())).is_ok_and(|found| {
        let character = found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFCHR.bits();
        character && (major(found.st_rdev), minor(found.st_rdev)) == (high, low)
    })
}

/// The functions of the kernel, by address.
pub(super) struct Symbols(LiteMap<u64, Word>);

impl Symbols {
    /// Those of a file; without one, of the running kernel as far as it tells.
    pub(super) fn read(file: Option<&[u8]>) -> std::io::Result<Self> {
        if let Some(file) = file {
            return std::fs::read(path(file)).map(|text| Self::parse(&text));
        }
        let release = nix::sys::utsname::uname()?.release().to_string_lossy().into_owned();
        let files = ["/proc/kallsyms", &format!("/boot/System.map-{release}"), "/boot/System.map"];
        let mut result = Err(std::io::ErrorKind::NotFound.into());
        for file in files {
            result = std::fs::read(file);
            if result.is_ok() {
                break;
            }
        }
        result.map(|text| Self::parse(&text))
    }

    /// None are known.
    pub(super) fn none() -> Self {
        Self(LiteMap::new())
    }

    /// Reads lines such as `ffffffff81000000 T name`.
    fn parse(text: &[u8]) -> Self {
        let symbol = |line: &[u8]| {
            let mut words = line.split(|b| b.is_ascii_whitespace());
            let address = u64::from_str_radix(std::str::from_utf8(words.next()?).ok()?, 16).ok()?;
            let name = words.nth(1)?;
            Some((address, name.to_vec()))
        };
        Self(text.split(|&b| b == b'\n').filter_map(symbol).collect())
    }

    /// The name of the function at an address.
    pub(super) fn name(&self, address: u64) -> String {
        match self.0.get(&address) {
            _ if address == 0 => "-".to_owned(),
            _ if address == u64::MAX => "*".to_owned(),
            Some(name) => String::from_utf8_lossy(name).into_owned(),
            None if self.0.is_empty() => format!("(0x{address:x})"),
            None => "?".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_names() {
        let symbols = Symbols::parse(b"ffff T do_wait\n10 t other [mod]\nnonsense\n");
        assert_eq!(symbols.name(0xffff), "do_wait");
        assert_eq!((symbols.name(0), symbols.name(1)), ("-".to_owned(), "?".to_owned()));
        assert_eq!(Symbols::none().name(0x1f), "(0x1f)");
    }

    #[test]
    fn unknown_terminals_are_numbers() {
        assert_eq!(terminal(nix::sys::stat::makedev(250, 77)), "(250:77)");
    }
}
