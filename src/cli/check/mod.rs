//! `sixtree check`: reports what is wrong with a tree, without running anything of it.

mod builtin;
mod command_line;
mod elsewhere;
mod files;
mod idiom;
mod layer;
mod lint;
pub mod report;
mod root;
mod scripts;
mod tree;
mod user;

use super::CommandFailure;
use super::arguments::{
    Argument, CommandSyntax, ENV, GivenArguments, LAYER, PROFILE, ValueKind, variables,
};
use crate::definition::{
    self, Definition, Fault, FaultPlace, Image, Off, Presence, PresenceSwitches, Problem,
};
use crate::graph::Graph;
use crate::sys::limits;
use crate::tools::{Environment, die};
pub(super) use builtin::{MANUAL, is_reserved};
pub(super) use files::is_secret_name;
use report::Format;
use root::Root;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What to check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRequest {
    /// Source directories; none: those of the image.
    pub directories: Vec<PathBuf>,
    /// The image; without one and without directories, the one that this runs in.
    pub root: Option<PathBuf>,
    /// `S6_RUNTIME_PROFILE`.
    pub profile: Option<String>,
    /// It is one layer of an image, and others may have what it names.
    pub layer: bool,
    /// The variables with which it boots; none: everything takes part.
    pub env: Vec<(String, String)>,
    /// Whom the container runs as, where that is not root.
    pub user: Option<user::ImageUser>,
}

impl CheckRequest {
    /// The image that it is about.
    fn image(&self) -> Image {
        let root = self.root.clone().unwrap_or_else(|| "/".into());
        Image { root, profile: self.profile.clone(), bundles: None }
    }
}

/// The subcommand and what it takes.
pub const SYNTAX: CommandSyntax = CommandSyntax::new(
    "check",
    "Tell what is wrong with a tree of services, without running anything",
)
.notes("Exits 0 if the tree can be used, 1 if not, 2 if it cannot be looked at.")
.takes(&[&[
    Argument::word("directory", "DIR", "Source directories [default: those of the image]")
        .kind(ValueKind::Bytes)
        .many(),
    Argument::path("root", "ROOT", "The root of the image [default: /, if no DIR is given]"),
    PROFILE,
    LAYER,
    ENV,
    user::ARGUMENT,
    Argument::flag("strict", "Exit 1 for warnings too, but for W220"),
    Argument::option("format", "FORMAT", "How to print what is wrong")
        .kind(ValueKind::OneOf(&["human", "json", "github", "sarif"]))
        .default("human"),
    Argument::option("explain", "CODE", "Explain a diagnostic, such as E103, and check nothing"),
]])
.runs(run);

/// Checks; returns the exit code.
pub fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    if let Some(code) = arguments.text("explain") {
        let page = report::explain(code);
        let page = page.ok_or_else(|| {
            CommandFailure::trouble(format!(
                "there is no diagnostic {code}; they are called as E103 is"
            ))
        })?;
        return Ok(super::print(&page));
    }
    let request = CheckRequest {
        directories: arguments.paths("directory").map(Path::to_owned).collect(),
        root: arguments.path("root").map(Path::to_owned),
        profile: arguments.text("profile").map(str::to_owned),
        layer: arguments.get_flag("layer"),
        env: variables(arguments),
        user: arguments.text("user").and_then(|user| user::ImageUser::parse(user).ok()),
    };
    let (_, faults) = check(&request)?;
    let format = arguments.text("format").unwrap_or_default();
    let printed = super::print(&Format::of(format).report(&faults));
    let failed = fails(&faults, arguments.get_flag("strict"));
    Ok(if printed == 0 { i32::from(failed) } else { 2 })
}

/// The only warning that `--strict` accepts: what it is about is deprecated but works, and nearly
/// every published image has it.
const DEPRECATED: &str = "W220";

/// Whether a tree with these faults fails the check.
pub fn fails(faults: &[Fault], strict: bool) -> bool {
    faults.iter().any(|fault| fault.is_error() || strict && fault.code != DEPRECATED)
}

/// The tree, if it can be used, and all faults.
pub fn check(request: &CheckRequest) -> Result<(Option<Graph>, Vec<Fault>), CommandFailure> {
    let CheckedTree { definitions, faults, off } = read(request)?;
    let looked_at = definitions.clone();
    let (graph, faults) = Graph::of((definitions, faults));
    let given = request.root.as_deref();
    let here = request.directories.is_empty().then_some(Path::new("/"));
    let root = Root::new(given.or(here), request.layer);
    let mut found = Findings { faults };
    for definition in looked_at.iter().filter(|definition| !builtin::is_builtin(definition)) {
        files::lint(definition, &mut found);
        scripts::lint(definition, &root, &mut found);
    }
    let image = Image { root: given.unwrap_or(Path::new("/")).to_owned(), ..request.image() };
    let is_image = request.directories.is_empty();
    let switches = is_image.then(|| elsewhere::lint(&root, &image, &mut found));
    if let Some(graph) = &graph {
        for definition in looked_at.iter().filter(|definition| !builtin::is_builtin(definition)) {
            files::misplaced(definition, graph, &mut found);
            files::unknown(definition, graph, &mut found);
        }
        // Of a layer, the place in the tree is not known.
        if !request.layer {
            let started = switches.map(|switches| switches.started(graph)).unwrap_or_default();
            tree::lint(graph, &root, &started, &off, &mut found);
        }
    }
    if let Some(user) = request.user {
        user.lint(&looked_at, &root, &mut found);
    }
    if shows_supervisors() {
        found.faults.retain(|fault| fault.code != SUPERVISOR);
    }
    // A script of a definition is one of the image, too.
    let place = |fault: &Fault| (fault.file.clone(), fault.line, fault.code);
    found.faults.sort_by_key(place);
    found.faults.dedup_by_key(|fault| place(fault));
    Ok((graph, found.faults))
}

/// The code for a script that looks for `s6-supervise`.
const SUPERVISOR: &str = "W214";

/// Whether the image has PID 1 show a process for each supervisor, as far as its variables are
/// those of this process.
fn shows_supervisors() -> bool {
    Environment::inherited().get(b"SIXTREE_SUPERVISORS").is_some_and(|value| value == b"1")
}

/// The tree, if it can be used, and what is off; or what is wrong with it.
type TreeOrFaults = Result<(Graph, Vec<Off>), Vec<Fault>>;

/// Reads the tree and makes its graph.
pub fn resolve(request: &CheckRequest) -> Result<TreeOrFaults, CommandFailure> {
    let CheckedTree { definitions, faults, off } = read(request)?;
    let (graph, faults) = Graph::of((definitions, faults));
    Ok(graph.map(|graph| (graph, off)).ok_or(faults))
}

/// All definitions, even those with faults.
pub fn definitions(request: &CheckRequest) -> Result<Vec<Definition>, CommandFailure> {
    read(request).map(|tree| tree.definitions)
}

/// What was read of a tree.
struct CheckedTree {
    definitions: Vec<Definition>,
    faults: Vec<Fault>,
    off: Vec<Off>,
}

/// Reads the tree as it would boot; what the package has is added where it is not there.
fn read(request: &CheckRequest) -> Result<CheckedTree, CommandFailure> {
    if let Some(root) = request.directories.iter().find(|d| d.join("etc/s6-overlay").is_dir()) {
        let shown = root.display();
        let text = format!("{shown} looks like the root of an image: sixtree check --root {shown}");
        return Err(CommandFailure::trouble(text));
    }
    for directory in request.directories.iter().chain(&request.root) {
        std::fs::read_dir(directory).map_err(|e| {
            let why = die::reason(die::errno(&e));
            CommandFailure::trouble(format!("unable to read {}: {why}", directory.display()))
        })?;
    }
    let (mut definitions, mut faults) = if request.directories.is_empty() {
        let image = request.image();
        let (definitions, mut faults) = image.read_what_is_there();
        // An image may well have its services elsewhere, or none yet.
        faults.retain(|fault| fault.code != "W001");
        // Nor need this layer be the one that has the directory for them, which comes with sixtree.
        let services = image.services();
        let is_elsewhere = (request.layer || !image.is_installed()) && !services.exists();
        faults.retain(|fault| !is_elsewhere || fault.file != services);
        (definitions, faults)
    } else {
        definition::read_with_bundles(&request.directories)
    };
    definitions.extend(builtin::missing(&definitions, &faults));
    if request.layer {
        layer::complete(&mut definitions, &mut faults);
    }
    let given = |name: &str| request.env.iter().rfind(|(known, _)| known == name);
    let lookup = |name: &str| given(name).map(|(_, value)| value.clone().into_bytes());
    let variables: Option<definition::Lookup<'_>> =
        if request.env.is_empty() { None } else { Some(&lookup) };
    faults.extend(definition::count_instances(&mut definitions, variables, limits::cpus));
    let off = if request.env.is_empty() {
        Vec::new()
    } else {
        let Presence { off, unknown } =
            definition::decide(&mut definitions, &PresenceSwitches::of(&lookup));
        faults.extend(unknown);
        off
    };
    Ok(CheckedTree { definitions, faults, off })
}

/// What was found so far.
struct Findings {
    faults: Vec<Fault>,
}

impl Findings {
    /// Reports a fault of a definition, without a file.
    fn report(&mut self, definition: &Definition, problem: &dyn Problem) {
        self.report_at(definition, definition.directory.clone(), 0, problem);
    }

    /// The same, in this file of its directory.
    fn report_file(&mut self, definition: &Definition, file: &str, problem: &dyn Problem) {
        self.report_at(definition, definition.directory.join(file), 0, problem);
    }

    /// The same, in this line (from 1; 0: all) of a file.
    fn report_at(
        &mut self,
        definition: &Definition,
        file: PathBuf,
        line: u32,
        problem: &dyn Problem,
    ) {
        let service = Some(definition.name.clone());
        self.faults.push(Fault::new(FaultPlace { service, file, line }, problem));
    }

    /// Reports a fault of the image, in a file that belongs to no definition.
    fn report_of_image(&mut self, file: PathBuf, line: u32, problem: &dyn Problem) {
        self.faults.push(Fault::new(FaultPlace { service: None, file, line }, problem));
    }
}

/// No more than this is looked at of a file, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;

/// The beginning of a file; `None`: it cannot be read.
fn text_of(file: &Path) -> Option<Vec<u8>> {
    let is_file = std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file());
    let open = is_file.then(|| std::fs::File::open(file).ok())??;
    let mut text = Vec::new();
    open.take(LONGEST_TEXT).read_to_end(&mut text).ok()?;
    Some(text)
}
