//! Source directories in, definitions out. Reference: s6-rc-compile's page.
//!
//! A directory without `type` is a fault (only `user` and `user2` may do without, see `image`):
//! where an image's layer only adds a file to a service of another layer, the file system has
//! joined the two before anybody reads them.

use crate::sys::directory::{self, DirectoryEntry, FileKind};
use crate::sys::errno;
use crate::sys::file;
use litemap::LiteMap;
use nix::errno::Errno;
use sixtree_core::definition::parse::{self, Type};
use sixtree_core::definition::{
    Atomic, Condition, Definition, EndPolicy, Fault, FaultPlace, HANDED_ON, Kind, Longrun, Mistake,
    Oneshot, Reference, SystemError, Word, health, names,
};
use sixtree_core::format::output::LogMode;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No file that is read here has a reason to be longer, in bytes.
const LONGEST_FILE: usize = 1 << 20;

/// Reads every definition of these directories, in order, by name within each.
///
/// All faults are collected. A definition with a fault comes along if its type is known, so that
/// the rest of the tree can be looked at too.
pub fn read(sources: &[PathBuf]) -> (Vec<Definition>, Vec<Fault>) {
    read_with(sources, &[])
}

/// The same; directories with these names are bundles, by their `contents.d` alone.
pub(super) fn read_with(sources: &[PathBuf], bundles: &[&str]) -> (Vec<Definition>, Vec<Fault>) {
    let mut reader = TreeReader { bundles, definitions: Vec::new(), faults: Vec::new() };
    sources.iter().for_each(|source| reader.source(source));
    (reader.definitions, reader.faults)
}

struct TreeReader<'a> {
    bundles: &'a [&'a str],
    definitions: Vec<Definition>,
    faults: Vec<Fault>,
}

impl TreeReader<'_> {
    fn source(&mut self, source: &Path) {
        let entries = match list(source) {
            Ok(entries) => entries,
            Err(e) => return self.fault(source, &Mistake::SourceUnreadable(refusal(e))),
        };
        let mut empty = true;
        for DirectoryEntry { name, kind } in entries {
            let path = source.join(&name);
            let followed = follow(&path, kind);
            let is_directory = followed == Ok(FileKind::Directory);
            match (parse::name(name.as_bytes()), followed) {
                // A file is nothing that is looked at, but for this its name is.
                (Err(Mistake::NameNotUtf8), Ok(_)) if !is_directory => {}
                (Err(mistake), _) => self.fault(&path, &mistake),
                (_, Err(e)) => self.fault(&path, &Mistake::Unreachable(refusal(e))),
                (Ok(name), Ok(_)) if is_directory => self.definition(name, path),
                (Ok(_), Ok(_)) => {}
            }
            empty &= !is_directory;
        }
        if empty {
            self.fault(source, &Mistake::SourceEmpty);
        }
    }

    fn definition(&mut self, name: String, path: PathBuf) {
        let files = match list(&path) {
            Ok(files) => files,
            Err(e) => return self.fault(&path, &Mistake::Unreadable(refusal(e))),
        };
        let is_bundle = self.bundles.contains(&name.as_str());
        let mut directory = DefinitionReader { name, path, files, faults: &mut self.faults };
        let kind = if is_bundle {
            Some(Kind::Bundle(directory.entries("contents.d").unwrap_or_default()))
        } else {
            directory.kind()
        };
        self.definitions.extend(kind.map(|kind| directory.definition(kind)));
    }

    fn fault(&mut self, file: &Path, mistake: &Mistake) {
        let service = None;
        let place = FaultPlace { service, file: file.to_owned(), line: 0 };
        self.faults.push(Fault::new(place, mistake));
    }
}

/// A definition directory that is being read.
struct DefinitionReader<'a> {
    name: String,
    path: PathBuf,
    /// Its files.
    files: Vec<DirectoryEntry>,
    faults: &'a mut Vec<Fault>,
}

impl DefinitionReader<'_> {
    fn kind(&mut self) -> Option<Kind> {
        let is_one = self.files.iter().filter_map(|entry| entry.name.to_str()).any(names::is_meant);
        if !is_one {
            self.fault_at(self.path.clone(), 0, &Mistake::NoDefinition);
            return None;
        }
        Some(match self.parsed("type", Some(Mistake::TypeMissing), parse::kind)? {
            Type::Oneshot => Kind::Oneshot(self.oneshot()),
            Type::Longrun => Kind::Longrun(self.longrun()),
            Type::Bundle => Kind::Bundle(self.contents()),
        })
    }

    fn definition(&mut self, kind: Kind) -> Definition {
        let if_env = self.conditions();
        Definition {
            if_env,
            log: self.log(&kind),
            name: self.name.clone(),
            directory: self.path.clone(),
            unread: names::unread(
                kind.name(),
                self.files.iter().filter_map(|entry| entry.name.to_str()),
            ),
            kind,
            essential: self.has("flag-essential"),
            recommended: self.has("flag-recommended"),
        }
    }

    /// A directory of this name is none of a definition's files.
    fn log(&mut self, kind: &Kind) -> Option<LogMode> {
        let is_read =
            !matches!(kind, Kind::Bundle(_)) && self.kind_of("log") == Some(FileKind::File);
        is_read.then(|| self.parsed("log", None, parse::log)).flatten()
    }

    fn contents(&mut self) -> Vec<Reference> {
        self.either("contents.d", "contents").unwrap_or_else(|| {
            self.fault("contents", 0, &Mistake::ContentsMissing);
            Vec::new()
        })
    }

    /// The conditions of `if-env`. A line that is none is a fault; the others count.
    fn conditions(&mut self) -> Vec<Condition> {
        const FILE: &str = "if-env";
        let Some(text) = self.parsed(FILE, None, |text| Ok(text.to_vec())) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        let known = self.faults.len();
        for (line, text) in parse::names(&text) {
            match parse::condition(text) {
                Ok(condition) => all.push(condition),
                Err(mistake) => self.fault(FILE, line, &mistake),
            }
        }
        if all.is_empty() && self.faults.len() == known {
            self.fault(FILE, 0, &Mistake::NoCondition);
        }
        all
    }

    fn atomic(&mut self) -> Atomic {
        Atomic {
            dependencies: self.either("dependencies.d", "dependencies").unwrap_or_default(),
            after: self.entries("after.d").unwrap_or_default(),
            timeout_up_ms: self.parsed("timeout-up", None, parse::timeout).unwrap_or(0),
            timeout_down_ms: self.parsed("timeout-down", None, parse::timeout).unwrap_or(0),
        }
    }

    fn oneshot(&mut self) -> Oneshot {
        Oneshot {
            atomic: self.atomic(),
            up: self.script("up", Some(Mistake::UpMissing)),
            down: self.script("down", None),
            reload: self.script("reload", None),
        }
    }

    fn script(&mut self, file: &str, absent: Option<Mistake>) -> Vec<Word> {
        self.parsed(file, absent, parse::script).unwrap_or_default()
    }

    fn longrun(&mut self) -> Longrun {
        let atomic = self.atomic();
        if !self.regular("run") {
            self.fault("run", 0, &Mistake::RunMissing);
        }
        self.regular("stop");
        for file in ["timeout-kill", "timeout-stop", "timeout-finish", "max-death-tally"] {
            self.parsed(file, None, parse::number);
        }
        for file in ["data", "env", "template"] {
            if self.kind_of(file).is_some_and(|kind| kind != FileKind::Directory) {
                self.fault(file, 0, &Mistake::NotDirectory);
            }
        }
        let ends = self.ends();
        let mut longrun = Longrun {
            atomic,
            notification_fd: self.descriptor("notification-fd"),
            lock_fd: self.descriptor("lock-fd"),
            has_finish: self.regular("finish"),
            instances: self.parsed("instances", None, parse::instances),
            handed_on: HANDED_ON.iter().copied().filter(|name| self.has(name)).collect(),
            ends: ends.map(Arc::new),
            ..Longrun::default()
        };
        if let (Some(n), true) = (longrun.lock_fd, longrun.lock_fd == longrun.notification_fd) {
            self.fault("lock-fd", 0, &Mistake::SameDescriptor(n));
        }
        self.health(longrun.notification_fd.is_some());
        self.pipeline(&mut longrun);
        if longrun.instances.is_some() && !longrun.consumer_for.is_empty() {
            self.fault("instances", 0, &Mistake::InstancesOfConsumer);
            longrun.instances = None;
        }
        longrun
    }

    /// Reads how it is looked at from outside: only to find what is wrong. Like all that a
    /// supervisor goes by, it is read again in the live directory.
    fn health(&mut self, has_notification_fd: bool) {
        let mut unreadable = Vec::new();
        let (policy, wrong) = health::read(|file| {
            self.text(file).unwrap_or_else(|mistake| {
                unreadable.push((file, 0, mistake));
                None
            })
        });
        for (file, line, mistake) in unreadable.into_iter().chain(wrong) {
            self.fault(file, line, &mistake);
        }
        if has_notification_fd && policy.rules.awaits_ready {
            let twice = Mistake::ReadyTwice(policy.ready_file());
            self.fault("notification-fd", 0, &twice);
        }
    }

    /// What its end means; `None`: no file says so.
    fn ends(&mut self) -> Option<EndPolicy> {
        let mut policy = EndPolicy::default();
        for file in EndPolicy::FILES {
            self.parsed(file, None, |text| Ok(policy.parse(file, text)?));
        }
        Some(policy).filter(|policy| !policy.is_empty())
    }

    fn descriptor(&mut self, file: &str) -> Option<u32> {
        let number = self.parsed(file, None, parse::number)?;
        if number < 3 {
            self.fault(file, 0, &Mistake::StandardDescriptor(number));
        }
        Some(number)
    }

    fn pipeline(&mut self, longrun: &mut Longrun) {
        longrun.producer_for = self.only_name("producer-for");
        longrun.consumer_for = self.names("consumer-for").unwrap_or_default();
        let is_last = longrun.producer_for.is_none() && !longrun.consumer_for.is_empty();
        if is_last {
            longrun.pipeline_name = self.only_name("pipeline-name");
        } else if self.has("pipeline-name") {
            self.fault("pipeline-name", 0, &Mistake::PipelineNameIgnored);
        }
    }

    /// A list in either form. The directory wins, and then the file is not even read.
    fn either(&mut self, directory: &str, file: &str) -> Option<Vec<Reference>> {
        self.entries(directory).or_else(|| self.names(file))
    }

    /// A list that is a directory: the names of its entries, whatever they are.
    fn entries(&mut self, directory: &str) -> Option<Vec<Reference>> {
        let path = self.path.join(directory);
        let entries = match self.has(directory).then(|| list(&path))? {
            Ok(entries) => entries,
            Err(Errno::ENOENT) => return None,
            Err(e) => {
                self.fault(directory, 0, &Mistake::Unreadable(refusal(e)));
                return Some(Vec::new());
            }
        };
        let file: Arc<Path> = path.into();
        let mut all = Vec::new();
        for entry in entries {
            match parse::name(entry.name.as_bytes()) {
                Ok(name) => all.push(Reference { name, file: Arc::clone(&file), line: 0 }),
                Err(mistake) => self.fault_at(file.join(&entry.name), 0, &mistake),
            }
        }
        Some(all)
    }

    /// A list that is a file.
    fn names(&mut self, file: &str) -> Option<Vec<Reference>> {
        let text = self.parsed(file, None, |text| Ok(text.to_vec()))?;
        let place: Arc<Path> = self.path.join(file).into();
        let mut all: Vec<Reference> = Vec::new();
        let mut seen: LiteMap<String, ()> = LiteMap::new();
        for (line, name) in parse::names(&text) {
            match parse::name(name) {
                Ok(name) if seen.insert(name.clone(), ()).is_some() => {
                    self.fault(file, line, &Mistake::Repeated(name));
                }
                Ok(name) => all.push(Reference { name, file: Arc::clone(&place), line }),
                Err(mistake) => self.fault(file, line, &mistake),
            }
        }
        Some(all)
    }

    /// A list of one.
    fn only_name(&mut self, file: &str) -> Option<Reference> {
        let known = self.faults.len();
        let mut names = self.names(file)?;
        let count = names.len();
        if count != 1 && self.faults.len() == known {
            self.fault(file, 0, &Mistake::NotOne(count));
        }
        names.pop().filter(|_| count == 1)
    }

    /// What a file says. `None`: it is not there, or it is wrong. If it is not there, that may be
    /// wrong as well: `absent` says so.
    fn parsed<T>(
        &mut self,
        file: &str,
        absent: Option<Mistake>,
        parse: impl FnOnce(&[u8]) -> Result<T, Mistake>,
    ) -> Option<T> {
        let parsed = match self.text(file) {
            Ok(Some(text)) => parse(&text).map(Some),
            Ok(None) => absent.map_or(Ok(None), Err),
            Err(mistake) => Err(mistake),
        };
        parsed.unwrap_or_else(|mistake| {
            self.fault(file, 0, &mistake);
            None
        })
    }

    /// The bytes of a file; `None`: there is none, or a link to nothing.
    fn text(&self, file: &str) -> Result<Option<Vec<u8>>, Mistake> {
        if !self.has(file) {
            return Ok(None);
        }
        match file::head(self.path.join(file).as_os_str().as_bytes(), LONGEST_FILE + 1) {
            Ok(text) if text.len() > LONGEST_FILE => Err(Mistake::TooLong(LONGEST_FILE)),
            Ok(text) => Ok(Some(text)),
            Err(Errno::ENOENT) => Ok(None),
            Err(e) => Err(Mistake::Unreadable(refusal(e))),
        }
    }

    /// Whether there is a script of this name. Something else in its place is a fault.
    fn regular(&mut self, file: &str) -> bool {
        let kind = self.kind_of(file);
        if kind.is_some_and(|kind| kind != FileKind::File) {
            self.fault(file, 0, &Mistake::NotRegular);
        }
        kind.is_some()
    }

    /// What a file is; `None`: there is none, or a link to nothing.
    fn kind_of(&self, file: &str) -> Option<FileKind> {
        follow(&self.path.join(file), self.entry(file)?).ok()
    }

    /// What its entry says that a file is.
    fn entry(&self, file: &str) -> Option<FileKind> {
        self.files.iter().find(|entry| entry.name == file).map(|entry| entry.kind)
    }

    fn has(&self, file: &str) -> bool {
        self.entry(file).is_some()
    }

    fn fault(&mut self, file: &str, line: u32, mistake: &Mistake) {
        self.fault_at(self.path.join(file), line, mistake);
    }

    fn fault_at(&mut self, file: PathBuf, line: u32, mistake: &Mistake) {
        let place = FaultPlace { service: Some(self.name.clone()), file, line };
        self.faults.push(Fault::new(place, mistake));
    }
}

/// What is in a directory, without the names that begin with a dot, in order.
pub(super) fn list(directory: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
    let mut all = directory::entries(directory)?;
    all.retain(|entry| !entry.name.as_bytes().starts_with(b"."));
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// What an entry is, or what it leads to, if it is a link.
fn follow(path: &Path, kind: FileKind) -> Result<FileKind, Errno> {
    match kind {
        FileKind::Link => {
            std::fs::metadata(path).map(|found| found.file_type().into()).map_err(|e| errno::of(&e))
        }
        FileKind::File | FileKind::Directory | FileKind::Other => Ok(kind),
    }
}

/// Whether a path leads to a directory.
pub(super) fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// An error of the system, as a fault holds it.
fn refusal(e: Errno) -> SystemError {
    SystemError(errno::text(e))
}
