//! `sixtree new`: writes the definition of a service, a bundle, or a service with its logger.

use super::{Allowed, Edited, List, PLACE, edit};
use crate::cli::CommandFailure;
use crate::cli::arguments::{Argument, CommandSyntax, GivenArguments};
use crate::definition::{Definition, Kind, Longrun, Oneshot};
use crate::execline::quote::if_needed;

/// A script for execlineb, which every image has, in the environment of the container.
const SCRIPT: &str = "#!/command/execlineb -P\n";

/// The subcommand and what it takes.
pub(crate) const SYNTAX: CommandSyntax = CommandSyntax::new("new", "Define a service")
    .subcommands(
        &[
            CommandSyntax::new(
                "longrun",
                "A program that runs on, and that is started again when it ends",
            )
            .takes(&[NAME, PLACE, &[NEEDS, PROGRAM.required()]]),
            CommandSyntax::new("oneshot", "A program that runs once, when the container starts")
                .takes(&[NAME, PLACE, &[NEEDS, PROGRAM]]),
            CommandSyntax::new("pipeline", "A longrun, and a logger of what it writes").takes(&[
                NAME,
                PLACE,
                &[NEEDS, PROGRAM.required()],
            ]),
            CommandSyntax::new("bundle", "A name for several services").takes(&[
                NAME,
                PLACE,
                &[Argument::word("member", "MEMBER", "").many()],
            ]),
        ],
        true,
    )
    .runs(run);

const NAME: &[Argument] = &[
    Argument::word("name", "NAME", "").required(),
    Argument::option("bundle", "BUNDLE", "Put it into this bundle").default("user"),
];

const NEEDS: Argument =
    Argument::option("needs", "OTHER", "Start it only when this one is up, and base").many();

const PROGRAM: Argument =
    Argument::after_dashes("program", "PROGRAM", "The program and its arguments, after --");

/// Writes it; returns the exit code.
pub(crate) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let Some((kind, arguments)) = arguments.subcommand() else {
        return Err(CommandFailure::usage("what kind?"));
    };
    edit(arguments, Allowed::Nothing, &|tree| {
        let name = arguments.text("name").unwrap_or_default();
        let new = New { tree, arguments, name };
        match kind {
            "longrun" => new.longrun(),
            "oneshot" => new.oneshot(),
            "pipeline" => new.pipeline(),
            _ => new.bundle(),
        }
    })
}

/// What is being written.
struct New<'a> {
    tree: &'a mut Edited,
    arguments: &'a GivenArguments,
    name: &'a str,
}

impl New<'_> {
    fn longrun(mut self) -> Result<(), CommandFailure> {
        let run = format!("{SCRIPT}with-contenv\n{}\n", self.program());
        self.service(self.name, Kind::Longrun(Longrun::default()), &[("run", &run)])?;
        self.needs(self.name)?;
        self.join(self.name)
    }

    fn oneshot(mut self) -> Result<(), CommandFailure> {
        let program = self.program();
        let up = if program.is_empty() { program } else { format!("with-contenv\n{program}\n") };
        self.service(self.name, Kind::Oneshot(Oneshot::default()), &[("up", &up)])?;
        self.needs(self.name)?;
        self.join(self.name)
    }

    /// Three services: the program, its logger, and what prepares the directory of the logs.
    fn pipeline(mut self) -> Result<(), CommandFailure> {
        let name = self.name;
        let [logger, prepare, all] =
            ["log", "log-prepare", "pipeline"].map(|suffix| format!("{name}-{suffix}"));
        let directory = if_needed(&format!("/var/log/{name}"));
        let run = format!("{SCRIPT}with-contenv\nfdmove -c 2 1\n{}\n", self.program());
        let log = format!("{SCRIPT}logutil-service {directory}\n");
        let up = format!(
            "if {{ s6-mkdir -p {directory} }}\n\
             s6-envuidgid -D 65534:65534 nobody\ns6-chown -U {directory}\n"
        );
        let longrun = || Kind::Longrun(Longrun::default());
        let file = |text: &str| format!("{text}\n");
        self.service(name, longrun(), &[("run", &run), ("producer-for", &file(&logger))])?;
        let files =
            [("run", log.as_str()), ("consumer-for", &file(name)), ("pipeline-name", &file(&all))];
        self.service(&logger, longrun(), &files)?;
        self.service(&prepare, Kind::Oneshot(Oneshot::default()), &[("up", &up)])?;
        self.needs(name)?;
        self.needs_base(&prepare)?;
        self.tree.add(&logger, List::Dependencies, &prepare)?;
        self.join(&all)
    }

    fn bundle(mut self) -> Result<(), CommandFailure> {
        self.service(self.name, Kind::Bundle(Vec::new()), &[("contents.d/.empty", "")])?;
        for member in self.arguments.texts("member") {
            self.tree.add(self.name, List::Contents, member)?;
        }
        self.join(self.name)
    }

    /// Writes the directory of a service or bundle.
    fn service(
        &mut self,
        name: &str,
        kind: Kind,
        files: &[(&str, &str)],
    ) -> Result<(), CommandFailure> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\n']) {
            return Err(CommandFailure::trouble(format!(
                "{name:?} cannot be the name of a service: it may have no slash or newline in it, \
                 nor begin with a dot"
            )));
        }
        if let Ok(known) = self.tree.find(name) {
            let place = known.directory.display();
            return Err(CommandFailure::trouble(format!("{name} is defined already: {place}")));
        }
        let directory = self.tree.services.join(name);
        if directory.exists() {
            return Err(CommandFailure::trouble(format!(
                "{} is there already",
                directory.display()
            )));
        }
        let mut create = |file: &str, text: &str| {
            let mode = if file == "run" { 0o755 } else { 0o644 };
            self.tree.change.create(&directory.join(file), text.as_bytes(), mode)
        };
        create("type", &format!("{}\n", kind.name()))?;
        files.iter().try_for_each(|(file, text)| create(file, text))?;
        let definition = Definition { directory, ..Definition::new(name, kind) };
        self.tree.definitions.push(definition);
        Ok(())
    }

    fn needs(&mut self, name: &str) -> Result<(), CommandFailure> {
        self.needs_base(name)?;
        for other in self.arguments.texts("needs") {
            self.tree.add(name, List::Dependencies, other)?;
        }
        Ok(())
    }

    fn needs_base(&mut self, name: &str) -> Result<(), CommandFailure> {
        self.tree.add(name, List::Dependencies, "base")
    }

    /// Puts it into the bundle that was named.
    fn join(&mut self, name: &str) -> Result<(), CommandFailure> {
        let bundle = self.arguments.text("bundle").unwrap_or("user");
        self.tree.add(bundle, List::Contents, name)
    }

    /// The program, as execline is written.
    fn program(&self) -> String {
        let words: Vec<String> = self.arguments.texts("program").map(if_needed).collect();
        words.join(" ")
    }
}
