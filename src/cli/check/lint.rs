//! The probable mistakes in a tree that can be used, with their texts.

use crate::definition::Problem;
use crate::execline::lexer;
use crate::tools;

/// A probable mistake. An error will make the service fail when it starts; a warning is about
/// something that works, but probably not as it was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lint {
    /// A script's `#!` names nothing.
    #[error("the interpreter {0:?} is not there")]
    InterpreterMissing(String),
    /// An execline script that is not execline.
    #[error("syntax error in execline: {0}")]
    Syntax(lexer::SyntaxError),
    /// A `#!` line that ends in a carriage return.
    #[error("the #! line ends in a carriage return, which is taken for a part of it")]
    CarriageReturn,
    /// A script that begins with a byte order mark.
    #[error("begins with a byte order mark, which is taken for a part of the first word")]
    ByteOrderMark,
    /// A script without `#!`.
    #[error("no #! line, so that it cannot be executed: Exec format error")]
    NoInterpreter,
    /// A program of a command line that does not exist.
    #[error("the program {program:?} is not there")]
    ProgramMissing {
        /// What it is called.
        program: String,
        /// What was meant, perhaps.
        meant: Option<String>,
    },
    /// A command line whose program is a file without an x bit.
    #[error("the program {0:?} is not executable: Permission denied")]
    ProgramNotExecutable(String),
    /// Nothing starts the service.
    #[error("not in the bundle top, nor needed by what is: nothing starts it")]
    Unreachable,
    /// A script that is executed where it is, without an x bit.
    #[error("not executable: s6-overlay fails to run it")]
    NotExecutable,
    /// A command line that is taken for shell.
    #[error("looks like shell ({0:?}), but is one execline command line")]
    LooksLikeShell(String),
    /// A service that may start before the container is prepared.
    #[error("does not depend on base: it may start before /etc/cont-init.d has been run")]
    NotOnBase,
    /// `notification-fd` that is never written to, as far as can be seen.
    #[error("notification-fd is {0}, but run says nothing that could write to it")]
    NeverReady(u32),
    /// A script that calls a tool that does not exist.
    #[error("there is no tool called {name}")]
    NoSuchTool {
        /// What it calls.
        name: String,
        /// What was meant.
        meant: String,
    },
    /// Everybody may change the file.
    #[error("everybody may write to it (mode {0:04o})")]
    WorldWritable(u32),
    /// A password in the image.
    #[error("looks like a secret, and is part of the image")]
    Secret,
    /// `down-signal` or `reload-signal` that is no signal.
    #[error("there is no signal called {0:?}")]
    NoSuchSignal(String),
    /// A list as a directory and as a file.
    #[error("ignored: {0} is there too")]
    Shadowed(&'static str),
    /// A script that looks for a process that is not there.
    #[error("looks for a process called {0}, and there is none")]
    LooksForSupervisor(&'static str),
    /// A command of a shell that changes nothing.
    #[error("{tool} {argument} names no program, so that it fails and changes nothing")]
    LoneWrapper {
        /// The tool.
        tool: &'static str,
        /// Its one argument.
        argument: String,
    },
    /// Two commands on two lines of one command line.
    #[error("{command:?} begins a line, but is an argument of {program:?} (line {line})")]
    SecondCommand {
        /// What is taken for an argument.
        command: String,
        /// Whose argument it is.
        program: String,
        /// Where that is.
        line: u32,
    },
    /// A `#!` line of a command line.
    #[error("the line #!{0} is a comment: this is one execline command line, not a script")]
    ShebangIgnored(String),
    /// An empty file that is called like a service.
    #[error("nothing reads this file, which is called like a service")]
    NamedLikeService {
        /// Where it belongs.
        list: &'static str,
    },
    /// Sources of a release that does not boot.
    #[error("not read: s6-overlay beside it leads to {}", read.as_deref().unwrap_or("nothing"))]
    OtherRelease {
        /// The folder that is read.
        read: Option<String>,
    },
    /// The bundle `user` in the old place.
    #[error("user bundles in s6-rc.d are deprecated: every boot warns of them")]
    BundlesAmongServices,
    /// `max-death-tally` that is too high.
    #[error("at most 4096 deaths are counted, not {0}")]
    TallyTooLong(u32),
}

impl Problem for Lint {
    fn code(&self) -> &'static str {
        match self {
            Self::InterpreterMissing(_) => "E201",
            Self::Syntax(_) => "E202",
            Self::CarriageReturn => "E203",
            Self::NoInterpreter => "E204",
            Self::ProgramMissing { .. } => "E205",
            Self::ProgramNotExecutable(_) => "E206",
            Self::ByteOrderMark => "E207",
            Self::Unreachable => "W201",
            Self::NotExecutable => "W203",
            Self::LooksLikeShell(_) => "W204",
            Self::NotOnBase => "W205",
            Self::NeverReady(_) => "W206",
            Self::NoSuchTool { .. } => "W207",
            Self::WorldWritable(_) => "W208",
            Self::Secret => "W209",
            Self::NoSuchSignal(_) => "W210",
            Self::Shadowed(_) => "W212",
            Self::TallyTooLong(_) => "W213",
            Self::LooksForSupervisor(_) => "W214",
            Self::LoneWrapper { .. } => "W215",
            Self::SecondCommand { .. } => "W216",
            Self::ShebangIgnored(_) => "W217",
            Self::NamedLikeService { .. } => "W218",
            Self::OtherRelease { .. } => "W219",
            Self::BundlesAmongServices => "W220",
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::InterpreterMissing(path) => return mend_interpreter(path),
            Self::Syntax(_) => "mend the quote, block or escape",
            Self::CarriageReturn => "save it with Unix line endings",
            Self::NoInterpreter => "begin it with #!/bin/sh, or whatever it is written for",
            Self::ProgramMissing { meant: Some(meant), .. } => {
                return format!("did you mean {meant}?");
            }
            Self::ProgramMissing { program, .. } if !program.contains('/') => {
                "install it: it is in no directory of PATH"
            }
            Self::ProgramMissing { .. } => "install it, or mend its path",
            Self::ByteOrderMark => "save it as UTF-8 without a byte order mark",
            Self::ProgramNotExecutable(_) => "chmod +x it",
            Self::Unreachable => "make an empty file of its name in user/contents.d",
            Self::NotExecutable => "chmod +x it; sixtree runs it all the same",
            Self::LooksLikeShell(_) => {
                "put it into an executable script, and the path of that here"
            }
            Self::NotOnBase => "make an empty file dependencies.d/base",
            Self::NeverReady(_) => "remove notification-fd, or run it under s6-notifyoncheck",
            Self::NoSuchTool { meant, .. } => return format!("did you mean {meant}?"),
            Self::WorldWritable(_) => "chmod o-w it",
            Self::Secret => "pass it when the container starts, as a variable or a mounted file",
            Self::NoSuchSignal(_) => "write a name such as SIGTERM, or a number",
            Self::Shadowed(_) => "move what it says into the directory",
            Self::TallyTooLong(_) => "write 4096 or less",
            Self::LooksForSupervisor("s6-svscan") => {
                "PID 1 is called init: ask sixtree healthcheck, or s6-svok for a service"
            }
            Self::LooksForSupervisor(_) => {
                "ask s6-svstat -o up /run/service/NAME, or s6-svok; or set SIXTREE_SUPERVISORS=1 \
                 in the image, which shows such a process for each longrun"
            }
            Self::LoneWrapper { tool, argument } => {
                return format!("write {tool} {argument} PROGRAM… in one line");
            }
            Self::SecondCommand { .. } => {
                "write foreground { … } around the first, or put both into an executable script, \
                 and its path here"
            }
            Self::ShebangIgnored(line) if line.contains("with-contenv") => {
                "put the script into a file of its own, and its path here; or begin the command \
                 with with-contenv"
            }
            Self::ShebangIgnored(_) => "put the script into a file of its own, and its path here",
            Self::NamedLikeService { list } => return format!("move it into {list}"),
            Self::OtherRelease { read: Some(read) } => {
                return format!("copy them to /package/admin/{read}/etc/s6-rc/sources");
            }
            Self::OtherRelease { read: None } => "install sixtree or s6-overlay",
            Self::BundlesAmongServices => "move user and user2 to /etc/s6-overlay/user-bundles.d",
        }
        .to_owned()
    }
}

/// What to do about an interpreter that is not there. The tools are always in /command.
fn mend_interpreter(path: &str) -> String {
    match tools::find(tools::basename(path.as_bytes())) {
        Some(tool) => format!("write /command/{}", tool.name),
        None => "install it, or name another one".to_owned(),
    }
}
