//! s6-ps: lists the processes.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-ps.html>.

mod fields;
mod names;
mod scan;

use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use fields::{Around, FIELDS, Field};
use names::Symbols;

const SHORT: &[u8] = b"user,pid,tty,s,start,args";
const LONG: &[u8] = b"user,pid,cpcpu,pmem,vsize,rss,tty,s,start,cttime,args";

/// `s6-ps [ -H ] [ -w spacing ] [ -W wchanfile ] [ -l | -o field,field... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Hlw:W:o:")?;
    let mut columns = columns(process, SHORT)?;
    for (letter, value) in options.iter() {
        match letter {
            'l' => columns = self::columns(process, LONG)?,
            'o' => columns = self::columns(process, value)?,
            _ => {}
        }
    }
    let spacing = options.number(process, 'w', 2u32)?.clamp(1, 256) as usize;
    let asked = |name: &str| columns.iter().any(|column| column.name == name);
    let symbols =
        if asked("wchan") { symbols(process, options.value('W')) } else { Symbols::none() };
    let mut all = scan::all(asked("env")).map_err(|e| process.unable("read /proc")(errno(&e)))?;
    if options.has('H') {
        all = scan::as_tree(all);
    }
    let around = Around::now(symbols);
    let mut rows = vec![columns.iter().map(|c| c.heading.as_bytes().to_vec()).collect()];
    rows.extend(all.iter().map(|p| columns.iter().map(|c| (c.write)(&around, p)).collect()));
    process.print(&table(&columns, &rows, spacing))?;
    Ok(Next::Exit(0))
}

fn columns(process: &Process, list: &[u8]) -> Result<Vec<&'static Field>, Exit> {
    let mut columns: Vec<&Field> = Vec::new();
    for name in list.split(|&b| b == b',') {
        let wrong = |text: String| process.fatal(100, &text);
        if name.is_empty() {
            return Err(wrong("invalid (empty) field for -o option".to_owned()));
        }
        let field = FIELDS.iter().find(|field| field.name.as_bytes() == name);
        let field =
            field.ok_or_else(|| wrong(format!("invalid field for -o option: {}", show(name))))?;
        if columns.iter().any(|column| column.name == field.name) {
            return Err(wrong(format!("duplicate field for -o option: {}", show(name))));
        }
        columns.push(field);
    }
    Ok(columns)
}

fn symbols(process: &Process, file: Option<&[u8]>) -> Symbols {
    Symbols::read(file).unwrap_or_else(|e| {
        let what = file.map_or("wchan".to_owned(), |file| format!("wchan file {}", show(file)));
        process.warn_errno(format_args!("unable to init {what}"), errno(&e));
        Symbols::none()
    })
}

/// The rows, each column as wide as its widest cell; the last one only if it is flush right.
fn table(columns: &[&Field], rows: &[Vec<Word>], spacing: usize) -> Word {
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(Vec::len).max();
    let widths: Vec<usize> = (0..columns.len()).map(|at| width(at).unwrap_or(0)).collect();
    let mut text = Word::new();
    for row in rows {
        for (at, ((cell, column), width)) in row.iter().zip(columns).zip(&widths).enumerate() {
            let padding = vec![b' '; width.saturating_sub(cell.len())];
            let last = at + 1 == columns.len();
            let (before, after) = if column.right { (padding, vec![]) } else { (vec![], padding) };
            text.extend([&before[..], cell].concat());
            if !last {
                text.extend([after, vec![b' '; spacing]].concat());
            }
        }
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_line_up() {
        let find = |name: &str| FIELDS.iter().find(|field| field.name == name).unwrap();
        let row = |cells: [&str; 3]| cells.map(|cell| cell.as_bytes().to_vec()).to_vec();
        let rows = [row(["PID", "TTY", "COMMAND"]), row(["7", "pts/0", "sh"])];
        let text = table(&[find("pid"), find("tty"), find("args")], &rows, 1);
        assert_eq!(text, b"PID TTY   COMMAND\n  7 pts/0 sh\n");
    }
}
