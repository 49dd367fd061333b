//! ucspilogd: reads syslog lines from stdin, and makes them readable.
//! Reference: <https://skarnet.org/software/s6/ucspilogd.html>.

use crate::format::syslog::decode;
use crate::format::tai::{LABEL, Tain};
use crate::tools::lines;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `ucspilogd [ -D default ] [ var... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "D:")?;
    let default = options.value('D').unwrap_or(b"<undefined>").to_vec();
    let value = |name: Word| process.env.get(&name).unwrap_or(&default).to_vec();
    let lead: Word =
        options.rest().into_iter().flat_map(|n| [value(n), b": ".to_vec()].concat()).collect();
    lines::filter(process, |line, out| {
        let text = line.strip_suffix(b"\n").or_else(|| line.strip_suffix(b"\0")).unwrap_or(line);
        text.split(|&b| b == 0).for_each(|text| write(text, &lead, out));
    })
}

/// A line: its stamp if it has one, the lead, and the message with its code in words.
fn write(text: &[u8], lead: &[u8], out: &mut Vec<u8>) {
    let stamped = Tain::parse(text).is_some() && text.get(LABEL) == Some(&b' ');
    let (stamp, message) = text.split_at(if stamped { LABEL + 1 } else { 0 });
    let (code, message) = decode(message).unwrap_or((String::new(), message));
    for part in [stamp, lead, code.as_bytes(), message, b"\n"] {
        out.extend_from_slice(part);
    }
}
