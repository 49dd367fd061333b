//! s6-sort: lines in the order of their bytes.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-sort.html>.

use crate::sys::fd;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::cmp::Ordering;

/// `s6-sort [ -bcfru0 ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "bcfru0")?;
    let separator = if options.has('0') { 0 } else { b'\n' };
    let order = Order {
        skip_blanks: options.has('b'),
        fold_case: options.has('f'),
        reverse: options.has('r'),
    };
    let unique = options.has('u');
    let mut text = fd::read_to_end(0).map_err(process.unable("read from stdin"))?;
    if text.last() == Some(&separator) {
        text.pop();
    } else if text.is_empty() {
        return Ok(Next::Exit(0));
    }
    let mut lines: Vec<&[u8]> = text.split(|&b| b == separator).collect();
    if options.has('c') {
        let first_wrong = if unique { Ordering::Equal } else { Ordering::Greater };
        let sorted = lines.is_sorted_by(|a, b| order.compare(a, b) < first_wrong);
        return Ok(Next::Exit(u8::from(!sorted)));
    }
    lines.sort_by(|a, b| order.compare(a, b));
    if unique {
        // Of lines that count as equal the last one stays.
        lines.reverse();
        lines.dedup_by(|a, b| order.compare(a, b) == Ordering::Equal);
        lines.reverse();
    }
    let mut output = lines.join(&separator);
    output.push(separator);
    process.print(&output)?;
    Ok(Next::Exit(0))
}

/// What comes before what.
struct Order {
    skip_blanks: bool,
    fold_case: bool,
    reverse: bool,
}

impl Order {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let (a, b) = (self.begin(a), self.begin(b));
        let order = if self.fold_case {
            let folded = |text: &[u8]| text.to_ascii_lowercase();
            folded(a).cmp(&folded(b))
        } else {
            a.cmp(b)
        };
        if self.reverse { order.reverse() } else { order }
    }

    fn begin<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let blanks = line.iter().take_while(|b| self.skip_blanks && b" \t".contains(b)).count();
        &line[blanks..]
    }
}
