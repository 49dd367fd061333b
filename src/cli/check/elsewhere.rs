//! The rest of an image: scripts of hooks, jobs and programs, which may control services, and files
//! of other releases or older ways of using s6-overlay.

use super::lint::Lint;
use super::root::{Root, is_executable};
use super::{Findings, idiom, scripts, text_of};
use crate::definition::Image;
use crate::graph::{Direction, Graph, ServiceId};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Folders of the system, in which nobody keeps scripts that control services.
const SYSTEM: &[&str] = &[
    "/boot",
    "/command",
    "/dev",
    "/lib",
    "/lib32",
    "/lib64",
    "/mnt",
    "/package",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/share",
    "/usr/src",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// Folders of libraries, wherever they are.
const LIBRARIES: &[&str] = &[
    ".cache",
    ".cargo",
    ".git",
    ".npm",
    "__pycache__",
    "dist-packages",
    "node_modules",
    "site-packages",
    "vendor",
];

/// No more files than this are looked at, and none that is longer, in bytes.
const MOST: usize = 50_000;
const LONGEST: u64 = 256 << 10;

/// Scripts that s6-overlay executes where they are.
const LEGACY: [&str; 3] = ["/etc/cont-init.d", "/etc/cont-finish.d", "/etc/services.d"];

/// Where releases of s6-overlay are installed.
const RELEASES: &str = "/package/admin";

/// What scripts of the image start and stop.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// The texts of those that name services.
    texts: Vec<String>,
    /// One of them decides by a variable: any service can be meant.
    any: bool,
}

impl Switches {
    fn read(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let is_switch = |word: &str| text.contains(word);
        if !["contents.d", "s6-rc", "sixtree"].into_iter().any(is_switch) {
            return;
        }
        let after = text.match_indices("contents.d").filter_map(|(at, m)| text.get(at + m.len()..));
        let decides = |rest: &str| {
            let rest = rest.trim_start_matches(['/', '"', '\'']);
            rest.starts_with(['$', '*', '{', '\n', ' ', ';'])
        };
        self.any |= after.into_iter().any(decides);
        self.texts.push(text.into_owned());
    }

    /// The services that such a script may start.
    pub(super) fn started(&self, graph: &Graph) -> Vec<ServiceId> {
        if self.any {
            return graph.ids().collect();
        }
        let is_named = |name: &&str| self.texts.iter().any(|text| idiom::has_word(text, name));
        let ids = graph.names().filter(is_named).filter_map(|name| graph.find(name));
        graph.closure(&ids.flatten().collect::<Vec<_>>(), Direction::Up)
    }
}

/// Checks an image, apart from its definitions, and returns what its scripts start and stop.
pub(super) fn lint(root: &Root, image: &Image, found: &mut Findings) -> Switches {
    let mut switches = Switches::default();
    let Some(top) = root.path() else { return switches };
    releases(root, found);
    if image.has_bundles_among_services() {
        found.report_of_image(image.services().join("user"), 0, &Lint::BundlesAmongServices);
    }
    let walk = WalkDir::new(top).same_file_system(true).sort_by_file_name();
    let entries = walk.into_iter().filter_entry(|entry| !is_skipped(top, entry));
    // A file that cannot be read cannot be checked.
    for entry in entries.filter_map(Result::ok).filter(|e| e.file_type().is_file()).take(MOST) {
        let Some(text) = text_that_may_be_a_script(&entry) else { continue };
        switches.read(&text);
        for (line, lint) in idiom::supervisors(&text) {
            found.report_of_image(entry.path().to_owned(), line, &lint);
        }
        if is_shell(&text) {
            for (line, lint) in idiom::lone_wrappers(&text) {
                found.report_of_image(entry.path().to_owned(), line, &lint);
            }
        }
        if !is_legacy_script(top, &entry) {
            continue;
        }
        if let Some(lint) = scripts::unusable_beginning(&text) {
            found.report_of_image(entry.path().to_owned(), 1, &lint);
        }
        if root.is_whole() && !is_executable(entry.path()) {
            found.report_of_image(entry.path().to_owned(), 0, &Lint::NotExecutable);
        }
    }
    switches
}

/// Where a file or folder is in the image.
fn inside(top: &Path, entry: &DirEntry) -> PathBuf {
    Path::new("/").join(entry.path().strip_prefix(top).unwrap_or(entry.path()))
}

fn is_skipped(top: &Path, entry: &DirEntry) -> bool {
    let is_library = LIBRARIES.iter().any(|name| entry.file_name() == *name);
    let inside = inside(top, entry);
    entry.file_type().is_dir()
        && (is_library || SYSTEM.iter().any(|path| inside == Path::new(path)))
}

fn text_that_may_be_a_script(entry: &DirEntry) -> Option<Vec<u8>> {
    let is_short = entry.metadata().is_ok_and(|metadata| metadata.len() <= LONGEST);
    let text = is_short.then(|| text_of(entry.path()))??;
    let begin = text.get(..512).unwrap_or(&text);
    (!text.is_empty() && !begin.contains(&0)).then_some(text)
}

/// Whether a shell, or with-contenv for one, is to run it.
fn is_shell(text: &[u8]) -> bool {
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let is_one = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or_default();
        matches!(name, "sh" | "bash" | "ash" | "dash" | "bashio" | "zsh" | "ksh")
    };
    line.starts_with("#!") && line.split(['!', ' ', '\t']).any(is_one)
}

/// Whether s6-overlay executes the file where it is.
fn is_legacy_script(top: &Path, entry: &DirEntry) -> bool {
    let inside = inside(top, entry);
    let folder = inside.parent().unwrap_or(Path::new("/"));
    let service = if folder.ends_with("log") { folder.parent() } else { Some(folder) };
    let is_of_service = service.and_then(Path::parent) == Some(Path::new(LEGACY[2]))
        && matches!(entry.file_name().to_str(), Some("run" | "finish"));
    LEGACY[..2].iter().any(|legacy| folder == Path::new(legacy)) || is_of_service
}

/// Sources that were copied into the package of another release than the one that boots.
fn releases(root: &Root, found: &mut Findings) {
    let current = root.find(&Path::new(RELEASES).join("s6-overlay"));
    let Some(folder) = root.find(Path::new(RELEASES)) else { return };
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("s6-overlay-")).collect();
    names.sort_unstable();
    for name in names {
        let release = folder.join(&name);
        let sources = release.join("etc/s6-rc/sources");
        if current.as_ref() != Some(&release) && sources.is_dir() {
            let read = current.as_deref().and_then(Path::file_name);
            let read = read.map(|name| name.to_string_lossy().into_owned());
            found.report_of_image(sources, 0, &Lint::OtherRelease { read });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_names_services_or_decides_by_a_variable() {
        let read = |text: &str| {
            let mut switches = Switches::default();
            switches.read(text.as_bytes());
            (switches.texts.len(), switches.any)
        };
        assert_eq!(read("touch /etc/s6-overlay/s6-rc.d/user/contents.d/svc-a"), (1, false));
        assert_eq!(read("s6-rc -u change svc-a"), (1, false));
        assert_eq!(read("rm \"/etc/s6-overlay/s6-rc.d/user/contents.d/$name\""), (1, true));
        assert_eq!(read("rm -r /etc/s6-overlay/user-bundles.d/user/contents.d/*"), (1, true));
        assert_eq!(read("echo svc-a"), (0, false));
    }
}
