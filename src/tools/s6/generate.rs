//! Writing services for others to run: a service directory with its logger, or two definition
//! directories of s6-rc. Shared by s6-instance-maker and s6-usertree-maker.

use crate::execline::quote::quote;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Options, Process, Word, path};
use std::io;
use std::os::unix::fs::PermissionsExt;

/// The options that say how to log, as [`Logger::from_options`] reads them.
pub(super) const LOGGER_OPTIONS: &str = "l:t:n:s:S:P:";

/// The first line of a script.
pub(super) const SHEBANG: &str = "#!/command/execlineb -P\n";

/// How a logger is to be run.
#[derive(Debug)]
pub(super) struct Logger {
    user: Option<Word>,
    stamp_type: u32,
    files: u32,
    file_size: u64,
    total_size: u64,
    prefix: Option<Word>,
}

/// Where a service stands among the definitions of s6-rc.
#[derive(Debug)]
pub(super) struct Names {
    /// The service's name.
    pub service: Word,
    /// Its logger's name.
    pub logger: Option<Word>,
    /// The name of the pipeline of both.
    pub pipeline: Option<Word>,
}

impl Logger {
    /// What the options l, t, n, s, S and P ask.
    pub(super) fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let stamp_type = options.number(process, 't', 1)?;
        if stamp_type > 3 {
            return Err(process.fatal(100, "stamptype must be 0, 1, 2 or 3"));
        }
        Ok(Self {
            user: options.value('l').map(<[u8]>::to_vec),
            stamp_type,
            files: options.number(process, 'n', 10)?,
            file_size: options.number(process, 's', 1_000_000)?,
            total_size: options.number(process, 'S', 0)?,
            prefix: options.value('P').map(<[u8]>::to_vec),
        })
    }

    /// The script that logs into `dir`.
    fn script(&self, dir: &[u8]) -> Word {
        let mut script = SHEBANG.as_bytes().to_vec();
        if let Some(user) = &self.user {
            script.extend([b"s6-setuidgid ", quote(user).as_slice(), b"\n"].concat());
        }
        script.extend(b"s6-log -bd3 -- ");
        let stamps = ["", "t ", "T ", "t T "].get(self.stamp_type as usize).unwrap_or(&"");
        script.extend(format!("{stamps}n{} s{} ", self.files, self.file_size).bytes());
        if self.total_size > 0 {
            script.extend(format!("S{} ", self.total_size).bytes());
        }
        if let Some(prefix) = &self.prefix {
            script.extend([b"p", prefix.as_slice(), b" "].concat());
        }
        script.extend([quote(dir).as_slice(), b"\n"].concat());
        script
    }
}

impl Names {
    /// Reads `service[/logger[/pipeline]]`.
    pub(super) fn parse(process: &Process, word: &[u8]) -> Result<Self, Exit> {
        let wrong = |text: &str| Err(process.fatal(100, text));
        if word.contains(&b'\n') {
            return wrong("newlines are forbidden in s6-rc names");
        }
        let mut parts = word.splitn(3, |&byte| byte == b'/').map(<[u8]>::to_vec);
        let service = parts.next().unwrap_or_default();
        let (logger, pipeline) = (parts.next(), parts.next());
        let named = [("service", Some(&service)), ("logger", logger.as_ref())];
        for (what, name) in named.into_iter().chain([("pipeline", pipeline.as_ref())]) {
            if name.is_some_and(|name| name.is_empty()) {
                return wrong(&format!("{what} name cannot be empty"));
            }
        }
        if pipeline.as_ref().is_some_and(|name| name.contains(&b'/')) {
            return wrong("slashes are forbidden in s6-rc names");
        }
        Ok(Self { service, logger, pipeline })
    }
}

/// What to write.
#[derive(Debug)]
pub(super) struct Service<'a> {
    /// Its `run`.
    pub run: &'a [u8],
    /// Its logger, and the directory into which that logs.
    pub log: Option<(&'a Logger, &'a [u8])>,
    /// Its names, for definitions of s6-rc rather than a service directory.
    pub names: Option<&'a Names>,
}

impl Service<'_> {
    /// Writes it into `dir`, which must not be there yet (unless it gets definitions). The
    /// directory of the service.
    pub(super) fn write(&self, process: &Process, dir: &[u8]) -> Result<Word, Exit> {
        let Some(names) = self.names else {
            make_service(process, dir, self.run, true)?;
            if let Some((logger, into)) = self.log {
                make_service(process, &below(dir, b"log"), &logger.script(into), true)?;
            }
            return Ok(dir.to_vec());
        };
        if !path(dir).is_dir() {
            make_folder(process, dir)?;
        }
        let service = below(dir, &names.service);
        make_service(process, &service, self.run, false)?;
        make_file(process, &below(&service, b"type"), b"longrun\n")?;
        if let (Some((logger, into)), Some(name)) = (self.log, &names.logger) {
            make_file(process, &below(&service, b"producer-for"), &line(name))?;
            let log = below(dir, name);
            make_service(process, &log, &logger.script(into), false)?;
            make_file(process, &below(&log, b"type"), b"longrun\n")?;
            make_file(process, &below(&log, b"consumer-for"), &line(&names.service))?;
            if let Some(name) = &names.pipeline {
                make_file(process, &below(&log, b"pipeline-name"), &line(name))?;
            }
        }
        Ok(service)
    }
}

/// A directory with a `run` that tells its readiness on descriptor 3.
fn make_service(process: &Process, dir: &[u8], run: &[u8], executable: bool) -> Result<(), Exit> {
    make_folder(process, dir)?;
    make_file(process, &below(dir, b"notification-fd"), b"3\n")?;
    let file = below(dir, b"run");
    make_file(process, &file, run)?;
    if executable {
        let chmod = path(&file).metadata().and_then(|found| {
            let mode = found.permissions().mode();
            let mode = PermissionsExt::from_mode(mode | mode >> 2 & 0o111);
            std::fs::set_permissions(path(&file), mode)
        });
        chmod.map_err(|e| failed(process, "chmod", &file, &e))?;
    }
    Ok(())
}

/// A directory that everyone may read, whatever the umask.
pub(super) fn make_folder(process: &Process, dir: &[u8]) -> Result<(), Exit> {
    std::fs::create_dir(path(dir))
        .and_then(|()| std::fs::set_permissions(path(dir), PermissionsExt::from_mode(0o755)))
        .map_err(|e| failed(process, "mkdir", dir, &e))
}

fn make_file(process: &Process, file: &[u8], content: &[u8]) -> Result<(), Exit> {
    let written = std::fs::write(path(file), content);
    written.map_err(|e| failed(process, "write to", file, &e))
}

fn failed(process: &Process, what: &str, file: &[u8], e: &io::Error) -> Exit {
    process.fatal_errno(format_args!("unable to {what} {}", show(file)), errno(e))
}

/// A path in a directory.
pub(super) fn below(dir: &[u8], name: &[u8]) -> Word {
    [dir, b"/", name].concat()
}

fn line(name: &[u8]) -> Word {
    [name, b"\n"].concat()
}
