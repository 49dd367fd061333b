//! The rules of the house, checked: who may import whom, where unsafe may live, how long is long,
//! and that what is installed is what the tables say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Each layer, lowest first, and the layers that it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("execline", &[]),
    ("format", &[]),
    ("sys", &["format"]),
    ("definition", &["execline", "format", "sys"]),
    ("graph", &["definition"]),
    ("engine", &["graph", "definition", "format"]),
    ("output", &["format", "sys"]),
    ("runtime", &["output", "engine", "graph", "definition", "execline", "format", "sys", "tools"]),
    ("tools", &["runtime", "engine", "graph", "definition", "execline", "format", "sys"]),
    ("looker", &["tools", "format", "sys"]),
    ("init", &["tools", "runtime", "engine", "graph", "definition", "execline", "format", "sys"]),
    ("cli", &["tools", "runtime", "engine", "graph", "definition", "execline", "format", "sys"]),
    ("multicall", &["cli", "init", "looker", "output", "tools", "sys"]),
    ("main", &[]),
    ("lib", &["engine", "graph", "execline", "format"]),
];

/// What is not in crates/core, which only computes: std is the one way to the system that it has.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::env",
    "std::net",
    "std::thread",
    "std::process",
    "std::os",
    "Instant",
    "SystemTime",
];

/// What no layer says outside its tests, and why.
const BANNED: &[(&str, &str)] = &[
    (".unwrap()", "it can panic"),
    (".expect(", "it can panic"),
    ("panic!(", "it panics"),
    ("todo!(", "it is a stub"),
    ("unimplemented!(", "it is a stub"),
    ("HashMap", "its order is random"),
    ("HashSet", "its order is random"),
    ("println!(", "buffered output is written twice after a fork"),
    ("print!(", "buffered output is written twice after a fork"),
    ("process::Command", "every exec goes through sys::exec"),
];

const VAGUE_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager"];

const FILE_LINES: usize = 450;
const FUNCTION_LINES: usize = 60;
const COLUMNS: usize = 100;

/// How a file's own tests begin, which go on to its end. `mod tests;` only names another file.
const TESTS: [&str; 2] = ["#[cfg(test)]\nmod tests {\n", "#[cfg(test)]\npub(super) mod tests {\n"];

/// What may stand before `fn`.
const MODIFIERS: &[&str] =
    &["pub", "pub(crate)", "pub(super)", "const", "unsafe", "extern", "\"C\""];

/// Where the code of the program is, and that of its crates.
const CODE: [&str; 4] = ["src", CORE, "crates/tls/src", "crates/web/src"];
/// That of the main program, which has layers.
const LAYERED: [&str; 2] = ["src", CORE];
const CORE: &str = "crates/core/src";

/// A file of ours in Rust.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The folder or file directly below the code's folder that it belongs to.
    fn layer(&self) -> String {
        let below = CODE.iter().find_map(|folder| self.path.strip_prefix(folder).ok());
        let below = below.expect("a file of CODE");
        let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
        first.trim_end_matches(".rs").to_string()
    }
    /// The lines that are neither comments nor tests, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let test = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
        let text = if self.path.iter().any(test) { "" } else { &self.text };
        let end = TESTS.iter().filter_map(|begin| text.find(begin)).min().unwrap_or(text.len());
        text[..end].lines().enumerate().map(|(n, l)| (n + 1, without_comment(l)))
    }
    fn fault(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap_or("") }
}

fn sources(folder: &str) -> Vec<Source> {
    let files = walk(Path::new(folder)).expect("the test runs in the crate's folder");
    let rust = files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs"));
    rust.map(|path| Source { text: fs::read_to_string(&path).expect("readable"), path }).collect()
}

/// Every file and link below a folder, sorted.
fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => found.extend(walk(&entry.path())?),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    Ok(found)
}

fn nothing_wrong(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The modules of ours that a file's code names: `crate::a`, `crate::{a, b::c}`, and likewise those
/// of `sixtree_core`.
fn imports<'a>(code: impl Iterator<Item = (usize, &'a str)>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut list: Option<usize> = None;
    for (number, line) in code {
        let mut rest = line;
        while let Some(depth) = list.or_else(|| {
            let roots = ["crate::", "sixtree_core::"].into_iter();
            let found = roots.filter_map(|root| Some(rest.find(root)? + root.len()));
            rest = &rest[found.min()?..];
            Some(0)
        }) {
            let (names, depth, after) = module_names(rest, depth);
            found.extend(names.into_iter().map(|name| (number, name)));
            list = (depth > 0).then_some(depth);
            rest = after;
            if list.is_some() {
                break;
            }
        }
    }
    found
}

/// Reads one name, or as much as the line has of a braced list whose nesting is `depth`: the names
/// at its first level, the nesting at the end, and what follows.
fn module_names(text: &str, mut depth: usize) -> (Vec<String>, usize, &str) {
    let mut names = Vec::new();
    let mut word = String::new();
    let mut fresh = true;
    for (at, c) in text.char_indices() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if fresh && depth <= 1 && !word.is_empty() {
            names.push(std::mem::take(&mut word));
            fresh = false;
        }
        word.clear();
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        fresh |= depth == 1 && (c == ',' || c == '{');
        if depth == 0 {
            return (names, 0, &text[at..]);
        }
    }
    if fresh && depth <= 1 && !word.is_empty() {
        names.push(word);
    }
    (names, depth, "")
}

#[test]
fn imports_are_found_in_every_form() {
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().enumerate();
        imports(lines).into_iter().map(|(_, name)| name).collect()
    };
    assert_eq!(names("use crate::sys::fd;"), ["sys"]);
    assert_eq!(names("use crate::{cli, init::{a, b}, tools};"), ["cli", "init", "tools"]);
    assert_eq!(names("use crate::{\n    sys::{fd,\n    exec},\n    graph,\n};"), ["sys", "graph"]);
    assert_eq!(names("crate::tools::find(crate::sys::x())"), ["tools", "sys"]);
    assert_eq!(
        names("use sixtree_core::{graph, engine::x}; crate::sys"),
        ["graph", "engine", "sys"]
    );
    assert!(names("use super::fd;").is_empty());
}

#[test]
fn imports_go_down_only() {
    let mut faults = Vec::new();
    for source in LAYERED.into_iter().flat_map(sources) {
        let layer = source.layer();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            faults.push(source.fault(1, &format!("{layer} is no layer: add it to LAYERS")));
            continue;
        };
        for (line, module) in imports(source.code()) {
            let known = LAYERS.iter().any(|(name, _)| *name == module);
            if known && module != layer && !allowed.contains(&module.as_str()) {
                faults.push(source.fault(line, &format!("{layer} may not import {module}")));
            }
        }
    }
    nothing_wrong(faults);
}

#[test]
fn the_core_only_computes() {
    let mut faults = Vec::new();
    for source in sources(CORE) {
        for (number, line) in source.code() {
            let words = IMPURE.iter().filter(|word| line.contains(**word));
            faults.extend(words.map(|w| source.fault(number, &format!("{w} in the pure crate"))));
        }
    }
    nothing_wrong(faults);
}

#[test]
fn unsafe_is_in_sys_and_the_entry_only() {
    let elsewhere = |s: &&Source| !["sys", "main"].contains(&s.layer().as_str());
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(elsewhere) {
        let lines =
            source.code().filter(|(_, line)| line.split_whitespace().any(|w| w == "unsafe"));
        faults.extend(lines.map(|(number, _)| source.fault(number, "unsafe outside sys/")));
    }
    nothing_wrong(faults);
}

/// Tools are left out: each is a program of its own, with its own `Plan` or `State`. The command:
/// `grep -rhoE '^(pub(.[a-z]+.)? )?(struct|enum|trait|union|type) [A-Za-z0-9]+' src crates/*/src
/// --exclude-dir=tools | awk '{print $NF}' | sort | uniq -d`
#[test]
fn a_type_name_means_one_type() {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut faults = Vec::new();
    let others = |source: &Source| !source.path.starts_with("src/tools");
    for source in CODE.into_iter().flat_map(sources).filter(others) {
        for (number, line) in source.code() {
            let Some(name) = defined_type(line) else { continue };
            let here = format!("{}:{number}", source.path.display());
            if let Some(there) = first.insert(name.to_string(), here) {
                faults.push(source.fault(number, &format!("{name} is also defined at {there}")));
            }
        }
    }
    nothing_wrong(faults);
}

/// The type that a line at the top level of a module begins to define.
fn defined_type(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.strip_prefix(' ').or_else(|| Some(rest.split_once(") ")?.1))?,
        None => line,
    };
    let (keyword, rest) = line.split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric()).next()?;
    ["struct", "enum", "trait", "union", "type"].contains(&keyword).then_some(name)
}

#[test]
fn type_definitions_are_found_in_every_form() {
    assert_eq!(defined_type("struct A(u8);"), Some("A"));
    assert_eq!(defined_type("pub enum B {"), Some("B"));
    assert_eq!(defined_type("pub(super) struct C<'a> {"), Some("C"));
    assert_eq!(defined_type("pub(crate) type D = u8;"), Some("D"));
    for other in ["    type E = u8;", "fn struct_f() {", "use type_g;", ""] {
        assert_eq!(defined_type(other), None, "{other}");
    }
}

#[test]
fn nothing_banned_is_said() {
    let mut faults = Vec::new();
    // The rules are about forks, which crates/web leaves to the standard library.
    let forking = CODE.into_iter().filter(|folder| *folder != "crates/web/src");
    for source in forking.flat_map(sources) {
        for (number, line) in source.code() {
            let said = BANNED.iter().filter(|(word, _)| line.contains(word));
            faults.extend(said.map(|(w, why)| source.fault(number, &format!("{w} {why}"))));
        }
        let stem = source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if VAGUE_NAMES.contains(&stem.as_str()) {
            faults.push(source.fault(1, "a name that says nothing"));
        }
    }
    nothing_wrong(faults);
}

#[test]
fn every_file_says_its_job_and_is_short() {
    let mut faults = Vec::new();
    for source in ["src", "crates", "tests", "benches", "docs"].into_iter().flat_map(sources) {
        if !source.text.starts_with("//!") {
            faults.push(source.fault(1, "it does not open with its job (//!)"));
        }
        let lines = source.text.lines().count();
        if lines > FILE_LINES {
            faults.push(source.fault(lines, &format!("more than {FILE_LINES} lines")));
        }
        for (at, line) in source.text.lines().enumerate() {
            if line.chars().count() > COLUMNS {
                faults.push(source.fault(at + 1, &format!("more than {COLUMNS} columns")));
            }
        }
        faults.extend(long_functions(&source));
    }
    nothing_wrong(faults);
}

/// A function ends at the first line that is its closing brace, as deep as its first line.
fn long_functions(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().collect();
    let mut faults = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        let depth = line.len() - head.len();
        let is_function = head.split_once("fn ").is_some_and(|(before, _)| {
            before.split_whitespace().all(|word| MODIFIERS.contains(&word))
        });
        if !is_function || line.ends_with('}') {
            continue;
        }
        let close = format!("{}}}", " ".repeat(depth));
        let length = lines[start..].iter().position(|l| *l == close).unwrap_or(0) + 1;
        if length > FUNCTION_LINES {
            faults.push(source.fault(start + 1, &format!("a function of {length} lines")));
        }
    }
    faults
}

#[test]
fn what_is_code_and_what_is_long_is_seen_in_every_form() {
    let of = |text: String| Source { path: "src/x.rs".into(), text };
    let code = |text: &str| of(text.into()).code().filter(|(_, line)| !line.is_empty()).count();
    assert_eq!(code("#[cfg(test)]\nmod tests;\nuse a;\n// b\n"), 3);
    assert_eq!(code("use a;\n\n#[cfg(test)]\nmod tests {\n    use b;\n}\n"), 1);
    for head in ["fn", "pub fn", "pub(super) fn", "pub(crate) const unsafe fn"] {
        let long = |lines| of(format!("{head} f() {{\n{}}}\n", "    x;\n".repeat(lines)));
        assert_eq!(long_functions(&long(FUNCTION_LINES - 2)), [""; 0], "{head}");
        assert_eq!(long_functions(&long(FUNCTION_LINES - 1)).len(), 1, "{head}");
    }
    assert_eq!(long_functions(&of(format!("// fn f() {{\n{}}}\n", "x\n".repeat(99)))), [""; 0]);
}

#[test]
fn the_installed_files_are_those_of_rootfs() {
    let in_folder: BTreeSet<_> = walk(Path::new("rootfs"))
        .expect("rootfs/ is there")
        .into_iter()
        .map(|p| p.strip_prefix("rootfs").expect("below it").display().to_string())
        .collect();
    let installed = sixtree::cli::layout::FILES.iter().map(|(path, _)| (*path).to_string());
    assert_eq!(in_folder, installed.collect());
}

#[test]
fn every_tool_is_linked_and_every_link_leads_to_the_program() {
    let directory = tempfile::tempdir().expect("a new directory");
    let root = directory.path();
    let argv = ["sixtree", "install", "--root", root.to_str().expect("a plain path")];
    let code = sixtree::multicall::run(argv.iter().map(|w| w.as_bytes().to_vec()).collect());
    assert_eq!(code, 0);
    let program = root.join(sixtree::cli::layout::PROGRAM).canonicalize().expect("the program");
    let links = walk(root).expect("installed").into_iter().filter(|p| p.is_symlink());
    let (good, bad): (Vec<_>, Vec<_>) =
        links.partition(|l| l.canonicalize().is_ok_and(|to| to.is_dir() || to == program));
    assert!(bad.is_empty(), "dangling: {bad:?}");

    let linked: BTreeSet<_> =
        good.iter().filter_map(|l| Some(l.file_name()?.to_string_lossy().into_owned())).collect();
    let tools = sixtree::tools::FAMILIES.iter().flat_map(|(_, tools)| tools.iter());
    let made_at_boot = ["halt", "init", "poweroff", "reboot", "shutdown"];
    let absent: Vec<_> = tools
        .map(|tool| tool.name)
        .filter(|name| !linked.contains(*name) && !made_at_boot.contains(name))
        .collect();
    assert!(absent.is_empty(), "without a link: {absent:?}");
}

/// The files that the table of ARCHITECTURE.md names, in the column `where`. One that ends in `/`
/// is a folder, whose `mod.rs` says it.
fn places_that_differ(architecture: &str) -> BTreeSet<PathBuf> {
    let table = architecture.split("## Where it differs").nth(1).expect("the chapter");
    let rows = table.lines().skip_while(|l| !l.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let words = rows.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit('|').next());
    let names = words.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let place = |name: String| {
        let places = CODE.map(|folder| Path::new(folder).join(&name));
        places.iter().find(|place| place.exists()).unwrap_or(&places[0]).clone()
    };
    names.flat_map(alternatives).map(place).collect()
}

/// `a/{b,c}.rs` stands for two names, `a/` for `a/mod.rs`.
fn alternatives(name: &str) -> Vec<String> {
    match (name.split_once('{'), name.strip_suffix('/')) {
        (Some((before, rest)), _) => {
            let (inner, after) = rest.split_once('}').expect("a closing brace");
            inner.split(',').map(|one| format!("{before}{}{after}", one.trim())).collect()
        }
        (None, Some(folder)) => vec![format!("{folder}/mod.rs")],
        (None, None) => vec![name.to_string()],
    }
}

#[test]
fn what_differs_is_said_in_the_code_and_in_the_table() {
    let architecture = fs::read_to_string("ARCHITECTURE.md").expect("it is there");
    let listed = places_that_differ(&architecture);
    let marked =
        CODE.into_iter().flat_map(sources).filter(|source| source.text.contains("Differs:"));
    let marked: BTreeSet<PathBuf> = marked.map(|source| source.path).collect();
    let faults = listed.symmetric_difference(&marked).map(|path| match listed.contains(path) {
        true => format!("{}: in the table, without a comment Differs:", path.display()),
        false => format!("{}: a comment Differs:, and no row of the table", path.display()),
    });
    nothing_wrong(faults.collect());
}
