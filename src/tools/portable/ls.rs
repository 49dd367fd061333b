//! s6-ls: what is in a directory, in no order.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-ls.html>.

use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

/// `s6-ls [ -0 ] [ -a | -A ] [ -x exclude ] dir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "0aAx:")?;
    let end = if options.has('0') { 0 } else { b'\n' };
    let hidden = options.last_of("aA");
    let excluded = options.value('x').map(<[u8]>::to_vec);
    let folder = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let failed =
        |e| process.fatal_errno(format_args!("unable to open directory {}", show(&folder)), e);
    let how = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut listed = Dir::open(folder.as_slice(), how, Mode::empty()).map_err(failed)?;
    let mut text = Vec::new();
    for entry in listed.iter() {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        let shown = match name {
            b"." | b".." => hidden == Some('A'),
            [b'.', ..] => hidden.is_some(),
            _ => true,
        };
        if shown && excluded.as_deref() != Some(name) {
            text.extend_from_slice(name);
            text.push(end);
        }
    }
    process.print(&text)?;
    Ok(Next::Exit(0))
}
