//! s6-usertree-maker: writes a service that runs a user's own supervision tree.
//! Reference: <https://skarnet.org/software/s6/s6-usertree-maker.html>.

use super::generate::{LOGGER_OPTIONS, Logger, Names, SHEBANG, Service};
use crate::execline::quote::quote;
use crate::tools::chain::DEFAULT_PATH;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};

/// What the service's `run` does.
struct Tree<'a> {
    user: &'a [u8],
    scandir: Word,
    path: Word,
    /// A directory of variables, and the names of those in which others are substituted.
    variables: Option<(Word, Vec<Word>)>,
}

/// `s6-usertree-maker [ -d userscandir ] [ -p path ] [ -E envdir [ -e var ... ] ]
/// [ -r service/logger[/pipeline] ] [ -l loguser ] [ -t stamptype ] [ -n nfiles ] [ -s filesize ]
/// [ -S maxsize ] [ -P prefix ] user logdir dir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, &format!("d:p:E:e:r:{LOGGER_OPTIONS}"))?;
    let logger = Logger::from_options(process, &options)?;
    let names = options.value('r').map(|word| Names::parse(process, word)).transpose()?;
    let value = |letter, default: &[u8]| options.value(letter).unwrap_or(default).to_vec();
    let (scandir, path) = (value('d', b"${HOME}/service"), value('p', DEFAULT_PATH));
    let substituted = substituted(process, &options)?;
    let variables = options.value('E').map(|dir| (dir.to_vec(), substituted));
    let words = options.rest();
    let [user, log_dir, dir, ..] = words.as_slice() else { return Err(process.usage()) };
    let wrong = |text| Err(process.fatal(100, text));
    if !log_dir.starts_with(b"/") {
        return wrong("logdir must be absolute");
    }
    if !scandir.starts_with(b"/") && !scandir.starts_with(b"${HOME}/") {
        return wrong("userscandir must be absolute or start with ${HOME}/");
    }
    if names.as_ref().is_some_and(|names| names.logger.is_none()) {
        return wrong("argument to -r must be: service/logger or service/logger/pipeline");
    }
    let run = Tree { user, scandir, path, variables }.script();
    let log = Some((&logger, log_dir.as_slice()));
    Service { run: &run, log, names: names.as_ref() }.write(process, dir)?;
    Ok(Next::Exit(0))
}

fn substituted(process: &Process, options: &Options) -> Result<Vec<Word>, Exit> {
    let names = options.iter().filter(|(letter, _)| *letter == 'e').map(|(_, name)| name);
    let check = |name: &[u8]| match name.contains(&b'=') {
        true => Err(process.fatal(100, format_args!("invalid variable name: {}", show(name)))),
        false => Ok(name.to_vec()),
    };
    names.map(check).collect()
}

impl Tree<'_> {
    fn script(&self) -> Word {
        let user = quote(self.user);
        let (none, no_names) = (Word::new(), Vec::new());
        let (envdir, names) = self.variables.as_ref().map_or((&none, &no_names), |(d, n)| (d, n));
        let mut script = SHEBANG.as_bytes().to_vec();
        let mut add = |parts: &[&[u8]]| script.extend(parts.concat());
        add(&[b"fdmove -c 2 1\nemptyenv -p\nexport USER ", &user, b"\n"]);
        add(&[b"s6-envuidgid -i -- ", &user, b"\ns6-applyuidgid -U --\n"]);
        add(&[b"backtick -in HOME { homeof ", &user, b" }\n"]);
        if !envdir.is_empty() {
            add(&[b"s6-envdir -i -- ", &quote(envdir), b"\n"]);
        }
        if !names.is_empty() {
            add(&[b"multisubstitute\n{\n"]);
            for name in names.iter().map(|name| quote(name)) {
                add(&[b"  importas -D \"\" -- ", &name, b" ", &name, b"\n"]);
            }
            add(&[b"}\n"]);
        }
        add(&[b"multisubstitute\n{\n"]);
        for name in ["USER", "HOME", "UID", "GID", "GIDLIST"] {
            add(&[format!("  importas -i {name} {name}\n").as_bytes()]);
        }
        add(&[b"}\n"]);
        for name in names.iter().map(|name| quote(name)) {
            add(&[b"export ", &name, b" ${", &name, b"}\n"]);
        }
        add(&[b"export PATH ", &quote(&self.path), b"\n"]);
        add(&[b"s6-svscan -d3 -- ", &quote(&self.scandir), b"\n"]);
        script
    }
}
