//! eltest: evaluates a conditional expression.
//! Reference: <https://skarnet.org/software/execline/eltest.html>.

use crate::execline::expression::{Expression, parse};
use crate::format::decimal;
use crate::sys::fd;
use crate::sys::regex::Regex;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};
use nix::libc;
use nix::sys::stat::{FileStat, lstat, stat};
use nix::unistd::{AccessFlags, access, getegid, geteuid, isatty};

/// `eltest expression`: exit code 0 if it is true, 1 if not, 100 if it makes no sense.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let arguments = argv.get(1..).unwrap_or_default();
    if arguments.is_empty() {
        return Ok(Next::Exit(1));
    }
    let expression = parse(arguments).map_err(|e| process.fatal(100, e))?;
    let truth = evaluate(process, &expression)?;
    Ok(Next::Exit(u8::from(!truth)))
}

fn evaluate(process: &Process, expression: &Expression) -> Result<bool, Exit> {
    Ok(match expression {
        Expression::Not(inside) => !evaluate(process, inside)?,
        Expression::And(left, right) => evaluate(process, left)? && evaluate(process, right)?,
        Expression::Or(left, right) => evaluate(process, left)? || evaluate(process, right)?,
        Expression::Unary(b't', word) => {
            let fd = decimal::parse::<u32>(word)
                .ok_or_else(|| process.fatal(100, "-t requires an integer argument"))?;
            i32::try_from(fd).is_ok_and(|fd| isatty(fd::borrow(&fd)).unwrap_or(false))
        }
        Expression::Unary(b'v', word) => process.env.get(word).is_some(),
        Expression::Unary(letter, word) => about_file(*letter, word),
        Expression::Binary(b"=~", word, expression) => matches(process, word, expression)?,
        Expression::Binary(operator, left, right) => match compare(operator, left, right) {
            Some(truth) => truth,
            None => {
                let text = format!("{} requires integer arguments", show(operator));
                return Err(process.fatal(100, &text));
            }
        },
    })
}

/// The operators on one word: whether it is empty, or what the file of that name is like.
fn about_file(letter: u8, word: &[u8]) -> bool {
    let about = |test: fn(&FileStat) -> bool| stat(word).is_ok_and(|file| test(&file));
    let may = |what| access(word, what).is_ok();
    match letter {
        b'n' => !word.is_empty(),
        b'z' => word.is_empty(),
        b'e' => may(AccessFlags::F_OK),
        b'r' => may(AccessFlags::R_OK),
        b'w' => may(AccessFlags::W_OK),
        b'x' => may(AccessFlags::X_OK),
        b'f' => about(|f| is(f, libc::S_IFREG)),
        b'd' => about(|f| is(f, libc::S_IFDIR)),
        b'b' => about(|f| is(f, libc::S_IFBLK)),
        b'c' => about(|f| is(f, libc::S_IFCHR)),
        b'p' => about(|f| is(f, libc::S_IFIFO)),
        b'S' => about(|f| is(f, libc::S_IFSOCK)),
        b'L' | b'h' => lstat(word).is_ok_and(|f| is(&f, libc::S_IFLNK)),
        b'k' => about(|f| f.st_mode & libc::S_ISVTX != 0),
        b'u' => about(|f| f.st_mode & libc::S_ISUID != 0),
        b'g' => about(|f| f.st_mode & libc::S_ISGID != 0),
        b's' => about(|f| f.st_size > 0),
        b'O' | b'U' => about(|f| f.st_uid == geteuid().as_raw()),
        b'G' => about(|f| f.st_gid == getegid().as_raw()),
        b'N' => about(|f| (f.st_mtime, f.st_mtime_nsec) > (f.st_atime, f.st_atime_nsec)),
        _ => false,
    }
}

fn is(file: &FileStat, kind: libc::mode_t) -> bool {
    file.st_mode & libc::S_IFMT == kind
}

fn modified(file: &FileStat) -> impl PartialOrd + use<> {
    (file.st_mtime, file.st_mtime_nsec)
}

/// The operators on two words. `None`: they should be numbers, and are not.
fn compare(operator: &[u8], left: &[u8], right: &[u8]) -> Option<bool> {
    Some(match operator {
        b"=" => left == right,
        b"!=" => left != right,
        b"<" => left < right,
        b"<=" => left <= right,
        b">" => left > right,
        b">=" => left >= right,
        b"-eq" => decimal::leading_i32(left)? == decimal::leading_i32(right)?,
        b"-ne" => decimal::leading_i32(left)? != decimal::leading_i32(right)?,
        b"-lt" => decimal::leading_i32(left)? < decimal::leading_i32(right)?,
        b"-le" => decimal::leading_i32(left)? <= decimal::leading_i32(right)?,
        b"-gt" => decimal::leading_i32(left)? > decimal::leading_i32(right)?,
        b"-ge" => decimal::leading_i32(left)? >= decimal::leading_i32(right)?,
        _ => compare_files(operator, left, right),
    })
}

/// A file that is missing is older than any other, though not the same as itself; but where only
/// the second is missing, the reference calls them the same.
fn compare_files(operator: &[u8], left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (stat(left).ok(), stat(right).ok());
    let (Some(left), Some(right)) = (left, right) else {
        return match operator {
            b"-ot" => left.is_none(),
            _ => left.is_some(),
        };
    };
    match operator {
        b"-nt" => modified(&left) > modified(&right),
        b"-ot" => modified(&left) < modified(&right),
        _ => (left.st_dev, left.st_ino) == (right.st_dev, right.st_ino),
    }
}

fn matches(process: &Process, word: &[u8], expression: &[u8]) -> Result<bool, Exit> {
    let expression = if expression.is_empty() { b".*" } else { expression };
    let regex = Regex::extended(expression).map_err(|e| {
        let expression = show(expression);
        let text =
            format!("unable to compile {expression} into a regular expression: {}", e.reason);
        process.fatal(if e.out_of_memory { 111 } else { 100 }, &text)
    })?;
    Ok(regex.is_match(word))
}
