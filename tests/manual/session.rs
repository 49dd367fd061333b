//! A shell that runs the commands of one page.

use crate::image::{Image, Scratch};
use crate::page::{Kind, Page, Part, Step};
use crate::skip::skip;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// Stands in what a shell prints before and behind what a command prints.
const MARK: char = '\u{1e}';

/// No page takes longer, in seconds: a command that hangs fails the test.
const PATIENCE: &str = "300";

/// A folder with BusyBox and the release.
pub(crate) fn image() -> Scratch {
    let (image, whole) = (Image::busybox(), Scratch::new("manual-image"));
    let mut copy = Command::new("cp");
    copy.arg("--archive").args(image.layers().iter().map(|layer| layer.join(".")));
    assert!(copy.arg(whole.path()).status().is_ok_and(|s| s.success()), "{copy:?}");
    symlink("/run", whole.path().join("var/run")).expect("/var/run, as images have it");
    whole
}

/// What a page is run in.
pub(crate) struct Session {
    folder: Scratch,
    image: Scratch,
    /// Names that a page shows, and what they are in this run.
    names: Vec<(String, String)>,
    with_docker: bool,
}

/// Whether an engine answers. Where none does, the test is skipped.
pub(crate) fn docker_answers() -> bool {
    let asked = Command::new("docker").args(["version", "--format", "{{.Server.Os}}"]).output();
    let answers = asked.is_ok_and(|output| output.status.success());
    if !answers {
        skip("no Docker");
    }
    answers
}

impl Session {
    /// For pages that need no engine.
    pub(crate) fn in_namespaces(image: &Scratch) -> Self {
        let folder = Scratch::new("manual");
        symlink(image.path(), folder.path().join("image")).expect("a link to the image");
        Self { folder, image: image.clone(), names: Vec::new(), with_docker: false }
    }

    /// For pages that use Docker: what they call by common names gets names of its own.
    pub(crate) fn with_docker(image: &Scratch) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let port = port.expect("a port is free").port();
        let own = format!("sixtree-manual-{}", std::process::id());
        let names = [
            ("busybox:stable", format!("{own}:busybox")),
            ("FROM sixtree AS", format!("FROM {own}:release AS")),
            ("--tag sixtree", format!("--tag {own}:release")),
            ("hello", own.clone()),
            ("localhost:8080", format!("localhost:{port}")),
            ("8080:8080", format!("127.0.0.1:{port}:8080")),
        ];
        let names = names.into_iter().map(|(shown, own)| (shown.to_owned(), own)).collect();
        let mut session = Self::in_namespaces(image);
        (session.names, session.with_docker) = (names, true);
        for (tag, from) in [("busybox", "base"), ("release", "release")] {
            session.import(&format!("{own}:{tag}"), from);
        }
        session
    }

    /// Makes an image of one of the two that the image of the manual consists of.
    fn import(&self, tag: &str, which: &str) {
        let image = Image::busybox();
        let layer = image.layers()[usize::from(which != "base")].clone();
        let script =
            "tar --create --owner=0 --group=0 --directory \"$1\" . | docker import - \"$2\"";
        let made = Command::new("sh").args(["-c", script, "sh"]).arg(layer).arg(tag).output();
        let made = made.expect("sh starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Runs all that is marked in a page, and puts into it what was printed. Returns what differs.
    pub(crate) fn run(&self, page: &mut Page) -> String {
        let script = self.script(page);
        let file = self.folder.path().join(".script");
        fs::write(&file, script).expect("a script can be written");
        let printed = self.execute(&file);
        let mut printed = printed.split(MARK).skip(1);
        let mut faults = String::new();
        let path = page.path.display().to_string();
        for part in &mut page.parts {
            match part {
                Part::Steps { kind, is_like, steps, .. } if self.takes(*kind) => {
                    for step in steps {
                        let found = printed.next().unwrap_or("the shell has ended\n").to_owned();
                        faults += &compare(&path, step, &self.as_shown(&found), *is_like);
                    }
                }
                Part::Hidden { kind, lines } if self.takes(*kind) => {
                    let found = printed.next().unwrap_or("the shell has ended\n");
                    if !found.ends_with("done\n") {
                        faults += &format!("{path}: {}:\n{found}\n", lines.join("; "));
                    }
                }
                _ => {}
            }
        }
        faults
    }

    fn takes(&self, kind: Kind) -> bool {
        kind != Kind::Docker || self.with_docker
    }

    /// One script for the whole page. Before what each part prints it prints a mark.
    fn script(&self, page: &Page) -> String {
        let mut script = String::from("code=0\n");
        for part in &page.parts {
            match part {
                Part::Text(_) => {}
                Part::Hidden { kind, lines } if self.takes(*kind) => {
                    let lines = self.as_run(&lines.join("\n"));
                    script += &format!("printf '{MARK}'\n{lines}\necho done\n");
                }
                Part::File { path, lines, .. } => {
                    let text = self.as_run(&(lines.join("\n") + "\n"));
                    let mode = if text.starts_with("#!") { "755" } else { "644" };
                    script += &format!(
                        "mkdir -p \"$(dirname {path})\"\ncat >{path} <<'{MARK}'\n\
                         {text}{MARK}\nchmod {mode} {path}\n"
                    );
                }
                Part::Steps { kind: Kind::Inside, steps, .. } => {
                    let inner = self.commands(steps);
                    script += &format!(
                        "cat >.inside <<'{MARK}{MARK}'\n{inner}{MARK}{MARK}\n\
                         sixtree run --overlay rootfs --bind \"$PWD/.inside:/tmp/inside:ro\" \
                         --env S6_VERBOSITY=1 image sh /tmp/inside\n"
                    );
                }
                Part::Steps { kind, steps, .. } if self.takes(*kind) => {
                    script += &self.commands(steps);
                }
                _ => {}
            }
        }
        script
    }

    /// The commands of a block; each finds the code of the one before in `$?`.
    fn commands(&self, steps: &[Step]) -> String {
        let run = |step: &Step| {
            let command = self.as_run(&step.command);
            let quoted = command.replace('\'', "'\\''");
            format!("printf '{MARK}'\n(exit ${{code:-0}})\neval '{quoted}'\ncode=$?\n")
        };
        steps.iter().map(run).collect()
    }

    fn as_run(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (shown, own)| text.replace(shown, own))
    }

    fn as_shown(&self, text: &str) -> String {
        self.names.iter().rev().fold(text.to_owned(), |text, (shown, own)| text.replace(own, shown))
    }

    /// Runs the script, with loopback alone where that is possible; all that it prints.
    fn execute(&self, script: &Path) -> String {
        let tools = self.image.path().join("command");
        let path = std::env::var("PATH").unwrap_or_default();
        let shell = ["bash", "--norc"];
        let mut words = vec!["timeout", "--kill-after=5", PATIENCE];
        if !self.with_docker {
            let with_loopback = "busybox ip link set lo up; exec \"$@\"";
            words.extend(["unshare", "--net", "--", "sh", "-c", with_loopback, "sh"]);
        }
        words.extend(shell);
        let script = fs::read_to_string(script).expect("it was written");
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .args(["-c", &format!("exec 2>&1 </dev/null\n{script}")])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", tools.display()))
            .env("HERE", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("S6_VERBOSITY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let mut printed = Vec::new();
        let mut pipe = child.stdout.take().expect("a pipe");
        pipe.read_to_end(&mut printed).expect("it can be read");
        let _ = child.wait();
        String::from_utf8_lossy(&printed).into_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.with_docker {
            let own = format!("sixtree-manual-{}", std::process::id());
            let _ = Command::new("docker").args(["rm", "--force", &own]).output();
            for tag in ["busybox", "release", "latest"] {
                let _ = Command::new("docker")
                    .args(["rmi", "--force", &format!("{own}:{tag}")])
                    .output();
            }
        }
    }
}

/// Puts what was printed into a step; what differs, in words.
fn compare(page: &str, step: &mut Step, found: &str, is_like: bool) -> String {
    let found: Vec<String> = found.lines().map(|line| line.trim_end().to_owned()).collect();
    if is_same(&step.output, &found, is_like) {
        return String::new();
    }
    let wanted = std::mem::replace(&mut step.output, found);
    let (command, found) = (&step.command, step.output.join("\n"));
    let wanted = wanted.join("\n");
    let place = format!("{page}:{}: $ {command}", step.line);
    format!("{place}\n--- shown\n{wanted}\n--- printed\n{found}\n\n")
}

/// Whether lines are those that are shown; `…` stands for any lines, or for the rest of one.
fn is_same(wanted: &[String], found: &[String], is_like: bool) -> bool {
    let form = |line: &str| if is_like { blurred(line) } else { line.to_owned() };
    match wanted.split_first() {
        None => found.is_empty(),
        Some((line, rest)) if line == "…" => {
            (0..=found.len()).any(|skipped| is_same(rest, &found[skipped..], is_like))
        }
        Some((line, rest)) => found.split_first().is_some_and(|(first, others)| {
            let is_met = match line.strip_suffix('…') {
                Some(beginning) => form(first).starts_with(&form(beginning)),
                None => form(line) == form(first),
            };
            is_met && is_same(rest, others, is_like)
        }),
    }
}

/// A line in which every number is 0, every gap one blank, and every bar of a drawing the same.
fn blurred(line: &str) -> String {
    let mut made = String::new();
    for c in line.chars() {
        let c = match c {
            '1'..='9' => '0',
            '█' | '─' | '·' => '·',
            c => c,
        };
        let is_repeated = matches!(c, '0' | ' ' | '·') && made.ends_with(c);
        let is_fraction = c == '0' && made.ends_with("0.");
        if is_fraction {
            made.pop();
        } else if !is_repeated {
            made.push(c);
        }
    }
    // A busy machine takes seconds for what mostly takes less.
    made.replace("0 µs", "0 ms").replace("0 s", "0 ms")
}
