//! s6-svperms: who may see a service's status, control it, and listen to its events.
//! Reference: <https://skarnet.org/software/s6/s6-svperms.html>.

use super::control::SUPERVISE;
use crate::format::decimal;
use crate::sys::user::{Group, User};
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::libc;
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, fchmodat, stat};
use nix::unistd::Gid;

/// Who may do something.
#[derive(Clone, Copy)]
enum Allowed {
    Owner,
    Group(u32),
    Everyone,
}

/// What is to be changed.
#[derive(Default)]
struct Change {
    /// Who may see the status, and who may control.
    supervise: Option<(Allowed, Allowed)>,
    /// Who may listen.
    event: Option<Allowed>,
}

/// `s6-svperms [ -v ] [ -u | -g group | -G group | -o | -O group ] [ -e | -E group ] servicedir...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "vug:G:oO:eE:")?;
    let change = Change::from_options(process, &options)?;
    let print = options.has('v') || (change.supervise.is_none() && change.event.is_none());
    let dirs = options.rest();
    if dirs.is_empty() {
        return Err(process.usage());
    }
    let mut code = 0;
    let mut lines = String::new();
    for dir in &dirs {
        change.make(process, dir)?;
        if print {
            for found in [see_supervise(dir, &mut lines), see_event(dir, &mut lines)] {
                if let Err(text) = found {
                    process.warn(&text);
                    code = 1;
                }
            }
        }
    }
    process.print(lines.as_bytes())?;
    Ok(Next::Exit(code))
}

impl Change {
    fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let mut change = Self::default();
        for (letter, value) in options.iter() {
            let group = || group(process, value).map(Allowed::Group);
            match letter {
                'u' => change.supervise = Some((Allowed::Owner, Allowed::Owner)),
                'g' => change.supervise = Some((group()?, Allowed::Owner)),
                'G' => change.supervise = Some((group()?, group()?)),
                'o' => change.supervise = Some((Allowed::Everyone, Allowed::Owner)),
                'O' => change.supervise = Some((Allowed::Everyone, group()?)),
                'e' => change.event = Some(Allowed::Everyone),
                'E' => change.event = Some(group()?),
                _ => {}
            }
        }
        Ok(change)
    }

    fn make(&self, process: &Process, dir: &[u8]) -> Result<(), Exit> {
        if let Some((see, control)) = self.supervise {
            let supervise = [dir, b"/", SUPERVISE.as_bytes()].concat();
            apply(process, &supervise, see, [0o700, 0o710, 0o711])?;
            apply(
                process,
                &[&supervise, b"/control".as_slice()].concat(),
                control,
                [0o600, 0o620, 0],
            )?;
        }
        match self.event {
            Some(listen) => {
                apply(process, &[dir, b"/event"].concat(), listen, [0o1700, 0o3730, 0o1733])
            }
            None => Ok(()),
        }
    }
}

/// Gives a file its group and mode: `modes` are those for its owner, for a group, for everyone.
fn apply(process: &Process, file: &[u8], who: Allowed, modes: [u32; 3]) -> Result<(), Exit> {
    let [for_owner, for_group, for_everyone] = modes;
    let (gid, mode) = match who {
        Allowed::Group(gid) => (gid, for_group),
        Allowed::Owner => (primary_group(process, file)?, for_owner),
        Allowed::Everyone => (primary_group(process, file)?, for_everyone),
    };
    nix::unistd::chown(file, None, Some(Gid::from_raw(gid)))
        .map_err(process.unable(format_args!("chown {}", show(file))))?;
    let mode = Mode::from_bits_truncate(mode);
    fchmodat(AT_FDCWD, file, mode, FchmodatFlags::FollowSymlink)
        .map_err(process.unable(format_args!("chmod {}", show(file))))
}

/// The primary group of a file's owner; root's if the owner is not known.
fn primary_group(process: &Process, file: &[u8]) -> Result<u32, Exit> {
    let found = stat(file).map_err(process.unable(format_args!("stat {}", show(file))))?;
    match User::by_uid(found.st_uid) {
        Ok(Some(user)) => Ok(user.gid),
        Ok(None) | Err(_) => {
            let text = "unable to determine primary gid for the owner of";
            process.warn(format_args!("{text} {} (using root instead)", show(file)));
            Ok(0)
        }
    }
}

/// A group by its name, or by its number after a colon.
fn group(process: &Process, word: &[u8]) -> Result<u32, Exit> {
    if let Some(digits) = word.strip_prefix(b":") {
        let gid = decimal::parse(digits);
        return gid.ok_or_else(|| process.usage());
    }
    match Group::by_name(word) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) => {
            let text = format!("unable to find entry for {} in group database", show(word));
            Err(process.fatal(100, &text))
        }
        Err(e) => Err(process.unable("read the group database")(e)),
    }
}

fn group_name(gid: u32) -> String {
    match Group::by_gid(gid) {
        Ok(Some(group)) => show(&group.name).to_string(),
        Ok(None) | Err(_) => gid.to_string(),
    }
}

/// Adds who may see the status and who may control, or says what is wrong.
fn see_supervise(dir: &[u8], lines: &mut String) -> Result<(), String> {
    let name = show(dir);
    let supervise = [dir, b"/", SUPERVISE.as_bytes()].concat();
    let (found, mode) = look(&supervise, libc::S_IFDIR, "a directory")?;
    let public_but_not_for_its_group = mode & 0o011 == 0o001;
    if mode & 0o5066 != 0 || mode & 0o700 != 0o700 || public_but_not_for_its_group {
        return Err(incorrect(&supervise, mode));
    }
    let who = match mode & 0o011 {
        0 => "owner".into(),
        0o010 => format!("group {}", group_name(found.st_gid)),
        _ => "public".into(),
    };
    lines.push_str(&format!("{name} status: {who}\n"));
    let control = [&supervise, b"/control".as_slice()].concat();
    let (found, mode) = look(&control, libc::S_IFIFO, "a named pipe")?;
    if mode & 0o157 != 0 {
        return Err(incorrect(&control, mode));
    }
    let who = match mode & 0o020 {
        0 => "owner".into(),
        _ => format!("group {}", group_name(found.st_gid)),
    };
    lines.push_str(&format!("{name} control: {who}\n"));
    Ok(())
}

/// Adds who may listen, or says what is wrong.
fn see_event(dir: &[u8], lines: &mut String) -> Result<(), String> {
    let event = [dir, b"/event"].concat();
    let (found, mode) = look(&event, libc::S_IFDIR, "a directory")?;
    let who = match mode {
        0o3730 => format!("group {}", group_name(found.st_gid)),
        0o1733 => "public".into(),
        _ => return Err(incorrect(&event, mode)),
    };
    lines.push_str(&format!("{} events: {who}\n", show(dir)));
    Ok(())
}

fn look(file: &[u8], kind: u32, what: &str) -> Result<(FileStat, u32), String> {
    let failed = |e: Errno| format!("unable to stat {}: {}", show(file), reason(e));
    let found = stat(file).map_err(failed)?;
    if found.st_mode & libc::S_IFMT != kind {
        return Err(format!("{} is not {what}", show(file)));
    }
    Ok((found, found.st_mode & 0o7777))
}

fn incorrect(file: &[u8], mode: u32) -> String {
    format!("{} has incorrect permissions: {mode:o}", show(file))
}
