//! What a chain comes to, told before there is a process for it. As long as its tools do nothing
//! but change words and variables, whoever starts it can have them do so, and execute what comes of
//! it.
//!
//! That is PID 1, so that such tools must be done soon, whatever their words are; and if anything
//! is to be said, or goes wrong, it has to happen in a process of its own.

use super::{Process, Program, Rehearsal, Script, resolve};
use crate::sys::exec::{self, Execve};
use crate::tools::die::show;
use crate::tools::{Next, Word};
use std::cell::Cell;

/// How long a chain may be: a script can lead to itself.
const STEPS: usize = 8;

/// The longest word that is substituted, in bytes.
const MAX_WORD: usize = 4096;

/// The size of the longest script that is read, in bytes.
const MAX_SCRIPT: u64 = 16_384;

impl Process {
    /// The program that this tool and all that it chains into become in the end. `None`: that
    /// cannot be told.
    pub(super) fn foresee(
        mut self,
        mut argv: Vec<Word>,
        mut script: Option<Script>,
    ) -> Option<Execve> {
        for _ in 0..STEPS {
            if !self.tool.foreseeable {
                return None;
            }
            self.rehearsal = Some(Rehearsal { script, spoke: Cell::new(false) });
            let Ok(Next::Exec(next)) = (self.tool.run)(&mut self, argv) else { return None };
            if self.rehearsal.take().is_some_and(|rehearsal| rehearsal.spoke.get()) {
                return None;
            }
            let word = next.file.as_ref().or(next.argv.first())?;
            let complaint = format!("{}: fatal: unable to exec {}", self.name(), show(word));
            match resolve(self.path.as_deref(), *next).ok()?? {
                Program::File(found, argv) => {
                    exec::check(&found).ok()?;
                    let execve = Execve::new(&found.file, &argv, self.env.strings()).ok()?;
                    return Some(execve.complaining(complaint.into_bytes()));
                }
                Program::Ours(tool, words, read) => {
                    self = Self::new(tool, self.env);
                    (argv, script) = (words, read);
                }
            }
        }
        None
    }

    /// Before a tool reads a script: one that is tried out may read no more than the script of
    /// which it is the interpreter. Anything else could be a FIFO, or another file to the child.
    pub fn may_read(&self, file: &[u8]) -> Result<(), Next> {
        let Some(rehearsal) = &self.rehearsal else { return Ok(()) };
        let its = rehearsal.script.as_ref().filter(|(script, _)| script == file);
        its.filter(|(_, size)| *size <= MAX_SCRIPT).map(drop).ok_or(Next::Exit(111))
    }

    /// Before a tool substitutes these words: what becomes of several, or of a long one, may be
    /// more than PID 1 has room for.
    pub fn may_substitute(&self, words: &[Word]) -> Result<(), Next> {
        match words {
            [] => Ok(()),
            [word] if word.len() <= MAX_WORD => Ok(()),
            _ if self.rehearsal.is_none() => Ok(()),
            _ => Err(Next::Exit(111)),
        }
    }

    /// Whether this is only tried out, so that nothing is to be said. That there was something to
    /// say is remembered.
    pub(crate) fn holds_its_tongue(&self) -> bool {
        let Some(rehearsal) = &self.rehearsal else { return false };
        rehearsal.spoke.set(true);
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::sys::process::wait;
    use crate::sys::spawn::{Child, Program, Session, spawn};
    use crate::tools::chain::{launch, launch_here};
    use nix::sys::wait::WaitPidFlag;
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    type Words = Vec<Vec<u8>>;

    /// A folder with this program as execlineb in it, and scripts for that.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let place = std::env::temp_dir().join(format!("sixtree-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&place);
            fs::create_dir_all(&place).unwrap();
            for tool in ["execlineb", "export", "foreground", "exec", "with-contenv"] {
                symlink(std::env::current_exe().unwrap(), place.join(tool)).unwrap();
            }
            Self(place)
        }

        fn script(&self, options: &str, text: &str) -> Words {
            let file =
                self.file("script", &format!("#!{}/execlineb {options}\n{text}", self.0.display()));
            vec![file.into_os_string().into_encoded_bytes(), b"one".to_vec()]
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let file = self.0.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            file
        }

        fn env(&self) -> Words {
            vec![format!("PATH={}:/usr/bin:/bin", self.0.display()).into_bytes(), b"A=a".to_vec()]
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What a program says, and what it exits with.
    fn outcome(program: Program) -> (String, Option<u8>) {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let end = write.as_raw_fd();
        let passing = [(1, end), (2, end)];
        let (session, nofile) = (Session::Same, None);
        let fds = &[(0, 0)];
        let child = Child { session, fds, passing: &passing, nofile, new_pid_namespace: false };
        let pid = spawn(&child, || program.go()).unwrap();
        drop(write);
        let said = crate::sys::fd::read_to_end(read.as_raw_fd()).unwrap();
        let status = wait(pid.as_raw(), WaitPidFlag::empty()).unwrap().unwrap().1;
        (String::from_utf8_lossy(&said).into_owned(), status.code())
    }

    fn is_foreseen(program: &Program) -> bool {
        matches!(program, Program::File(_))
    }

    fn check(place: &Path, argv: Words, env: &Words, foreseen: bool) {
        let what = format!("{}: {:?}", place.display(), fs::read_to_string(place.join("script")));
        let program = launch(argv.clone(), env).unwrap();
        assert_eq!(is_foreseen(&program), foreseen, "{what}");
        let here = launch_here(argv, env).unwrap();
        assert!(!is_foreseen(&here), "{what}");
        let (ours, wanted) = (outcome(program), outcome(here));
        assert_eq!(ours, wanted, "{what}");
        assert!(!wanted.0.is_empty() || wanted.1 == Some(0), "{what}");
    }

    #[test]
    fn what_is_foreseen_is_what_would_have_come() {
        let place = Place::new("foreseen");
        place.file("wrong", "#!/nowhere/interpreter\n");
        place.file("bad", "\x7fELF: it is not");
        for (options, text) in [
            ("-P", "sh -c \"echo $0 $A; exit 3\" a b"),
            ("-P", "env"),
            ("", "env"),
            ("-p", "env"),
            ("-S0", "echo $0 $1 $@ $#"),
            ("-s1", "echo $0 $1 $@ $#"),
            ("-WP", "env"),
            ("-P", "export B \"b c\" exec -a name -c sh -c \"echo $0 $B; env\""),
            ("-P", "export PATH /bin sh -c \"echo $PATH\""),
            ("-P", "execlineb -c env"),
            ("-P", "bad"),
        ] {
            check(&place.0, place.script(options, text), &place.env(), true);
        }
    }

    #[test]
    fn what_does_more_or_goes_wrong_is_not_foreseen() {
        let place = Place::new("unforeseen");
        place.file("wrong", "#!/nowhere/interpreter\n");
        place.file("text", "no program");
        let text = place.file("other", "echo other");
        let long = format!("echo {}", "x ".repeat(9000));
        let many = format!("execlineb -S0 -c \"echo $@$@\" {}", "a b c");
        for (options, text) in [
            ("-P", ""),
            ("-P", "foreground { echo a } echo b"),
            ("-P", "export a=b c env"),
            ("-P", "export a"),
            ("-P", "nowhere"),
            ("-P", "/nowhere"),
            ("-P", "wrong"),
            ("-P", "text"),
            ("-P", "{ echo"),
            ("-P", "\"echo"),
            ("-x", "echo"),
            ("-S2", "echo $1"),
            ("-WS2", "echo $1"),
            ("-Sx", "echo $1"),
            ("-P", &format!("execlineb -P {}", text.display())),
            ("-P", &long),
            ("-P", &many),
        ] {
            check(&place.0, place.script(options, text), &place.env(), false);
        }
        let mut env = place.env();
        env.push(b"EXECLINE_STRICT=x".to_vec());
        check(&place.0, place.script("-P", "env"), &env, false);
    }

    #[test]
    fn a_script_that_leads_to_itself_is_left_to_its_own_process() {
        let place = Place::new("itself");
        let argv = place.script("-P", &format!("{}/script", place.0.display()));
        assert!(!is_foreseen(&launch(argv, &place.env()).unwrap()));
    }
}
