//! The tools for instances of a running service: s6-instance-create, -delete, -list, -control and
//! -status. Reference: <https://skarnet.org/software/s6/s6-instance-create.html> and its like.

use super::control::{SVSCAN, is_supervised};
use super::generate::{below, make_folder};
use super::link::{self, Style};
use super::svlink::failed;
use super::watch::deadline;
use super::{svc, svstat};
use crate::sys::copy;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;
use nix::sys::stat::stat;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `s6-instance-create [ -d | -D ] [ -f ] [ -P ] [ -t timeout ] service instancename`
pub(super) fn create(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "dDfPt:")?;
    let style = Style { relative: true, ..Style::from_options(&options) };
    let deadline = deadline(process, &options, 't')?;
    let (service, name) = service_and_name(process, &options.rest())?;
    for folder in [b"instances".as_slice(), b"instance"] {
        let folder = below(&service, folder);
        if !path(&folder).is_dir() {
            make_folder(process, &folder)?;
        }
    }
    enter(process, &service)?;
    let instance = [b"../instances/", name.as_slice()].concat();
    let (service, shown) = (show(&service), show(&name));
    match stat(instance.as_slice()) {
        Err(Errno::ENOENT) => {}
        Err(e) => {
            let text = format!("unable to stat {service}/instances/{shown}");
            return Err(process.fatal_errno(&text, e));
        }
        Ok(_) => {
            let text = format!("instance appears to already exist at {service}/instances/{shown}");
            return Err(process.fatal(100, &text));
        }
    }
    let copied = copy::hierarchy(Path::new("../template"), path(&instance));
    let created = copied
        .map_err(|e| {
            let text = format!("unable to copy {service}/template to {service}/instances/{shown}");
            process.fatal_errno(&text, e.errno())
        })
        .and_then(|()| {
            link::link(b".", &instance, &name, style, deadline).map_err(|e| {
                let text = format!("unable to create instance of {service} named {shown}");
                failed(process, &text, e)
            })
        });
    if created.is_err() {
        let _ = std::fs::remove_dir_all(path(&instance));
    }
    created.map(|()| Next::Exit(0))
}

/// `s6-instance-delete [ -X ] [ -t timeout ] service instancename`
pub(super) fn delete(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Xt:")?;
    let deadline = deadline(process, &options, 't')?;
    let deadline = (!options.has('X')).then_some(deadline);
    let (service, name) = service_and_name(process, &options.rest())?;
    enter(process, &service)?;
    link::unlink(b".", &name, deadline).map_err(|e| {
        let text = format!("unable to prepare deletion of instance {}", show(&name));
        process.fatal_errno(format_args!("{text} of service {}", show(&service)), e)
    })?;
    let _ = std::fs::remove_dir_all(path(&[b"../instances/", name.as_slice()].concat()));
    Ok(Next::Exit(0))
}

/// `s6-instance-list service`
pub(super) fn list(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let words = Options::parse(process, argv, "")?.rest();
    let service = words.first().ok_or_else(|| process.usage())?;
    enter(process, service)?;
    let names = std::fs::read_dir(".").and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().as_bytes().to_vec()))
            .collect::<Result<Vec<_>, _>>()
    });
    let mut names = names.map_err(|e| {
        process.fatal_errno(format_args!("unable to readdir {}/instance", show(service)), errno(&e))
    })?;
    names.retain(|name| !name.starts_with(b"."));
    names.sort_unstable();
    let lines: Word = names.into_iter().flat_map(|name| [name, b"\n".to_vec()].concat()).collect();
    process.print(&lines)?;
    Ok(Next::Exit(0))
}

/// `s6-instance-control [ options of s6-svc ] service instancename`
pub(super) fn control(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let argv = on_instance(process, argv, "abqhkti12pcyroduDUxOT:w:")?;
    svc::run(process, argv)
}

/// `s6-instance-status [ options of s6-svstat ] service instancename`
pub(super) fn status(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let argv = on_instance(process, argv, "no:uwNrpest")?;
    svstat::run(process, argv)
}

/// The same options, with the instance's directory in the place of service and name.
fn on_instance(process: &Process, mut argv: Vec<Word>, spec: &str) -> Result<Vec<Word>, Exit> {
    let words = Options::parse(process, argv.clone(), spec)?.rest();
    let (service, name) = service_and_name(process, &words)?;
    argv.truncate(argv.len() - words.len());
    argv.push([service.as_slice(), b"/instance/", &name].concat());
    Ok(argv)
}

fn service_and_name(process: &Process, words: &[Word]) -> Result<(Word, Word), Exit> {
    let [service, name, ..] = words else { return Err(process.usage()) };
    if service.is_empty() {
        return Err(process.fatal(100, "invalid service name"));
    }
    // Differs: the original lets a slash in a name lead out of the service, to be removed there.
    let forbidden = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
    if matches!(name.first(), None | Some(b'.')) || name.iter().any(forbidden) {
        return Err(process.fatal(100, "invalid instance name"));
    }
    Ok((service.clone(), name.clone()))
}

/// Goes to where the instances are, if they are supervised.
fn enter(process: &Process, service: &[u8]) -> Result<(), Exit> {
    if service.is_empty() {
        return Err(process.fatal(100, "invalid service path"));
    }
    let dir = [service, b"/instance"].concat();
    let lock = [dir.as_slice(), b"/", SVSCAN.as_bytes(), b"/lock"].concat();
    let locked = stat(lock.as_slice()).and_then(|_| is_supervised(&dir, SVSCAN));
    nix::unistd::chdir(dir.as_slice())
        .map_err(process.unable(format_args!("chdir to {}", show(&dir))))?;
    match locked {
        Ok(true) => Ok(()),
        Ok(false) => {
            let text = format!("instanced service not running on {}", show(service));
            Err(process.fatal(1, &text))
        }
        Err(e) => Err(process.unable(format_args!("open {}", show(&lock)))(e)),
    }
}
