//! s6-rc-db: what a compiled database says. Reference: s6-rc-db's page.

use super::live;
use crate::definition::{Definition, Kind, Oneshot};
use crate::graph::{Direction, Graph, ServiceId};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word, path};
use std::collections::BTreeSet;
use std::path::PathBuf;

const HELP: &str = "\
s6-rc-db help
s6-rc-db check
s6-rc-db list all|services|oneshots|longruns|bundles
s6-rc-db type servicename
s6-rc-db [ -u | -d ] timeout atomicname
s6-rc-db contents bundlename
s6-rc-db [ -u | -d ] dependencies servicename...
s6-rc-db pipeline longrunname
s6-rc-db [ -u | -d ] script oneshotname
s6-rc-db flags atomicname
s6-rc-db atomics servicename...
s6-rc-db [ -u | -d ] all-dependencies servicename...
";

const LONG: &[(&str, char)] = &[
    ("up", 'u'),
    ("down", 'd'),
    ("block", 'b'),
    ("with-essentials", 'E'),
    ("without-essentials", 'e'),
    ("livedir", 'l'),
    ("compiled", 'c'),
];

/// A question about a database.
struct Query<'a> {
    process: &'a Process,
    compiled: PathBuf,
    graph: Graph,
    direction: Direction,
    hide_essentials: bool,
}

/// `s6-rc-db [ -u | -d ] [ -l live ] [ -c compiled ] [ -b ] [ -E | -e ] command...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "udl:c:bEe", LONG)?;
    let down = options.last_of("ud") == Some('d');
    let hide_essentials = options.last_of("Ee") == Some('e');
    let compiled = match options.value('c') {
        Some(compiled) => path(compiled).to_owned(),
        None => live::directory(process, &options).join("compiled"),
    };
    let words = options.rest();
    let (command, arguments) = words.split_first().ok_or_else(|| process.usage())?;
    let answer = answer_to(process, command)?;
    if command == b"help" {
        process.print(HELP.as_bytes())?;
        return Ok(Next::Exit(0));
    }
    if arguments.is_empty() && command != b"check" {
        return Err(process.usage());
    }
    if command == b"list" {
        kind_to_list(process, arguments.first())?;
    }
    let graph = live::open(&compiled).map_err(|e| process.fatal(e.code, &e.text))?;
    let direction = if down { Direction::Down } else { Direction::Up };
    let query = Query { process, compiled, graph, direction, hide_essentials };
    let text = answer(&query, arguments)?;
    process.print(&text)?;
    Ok(Next::Exit(0))
}

type Ask = fn(&Query, &[Word]) -> Result<Vec<u8>, Exit>;

fn answer_to(process: &Process, command: &[u8]) -> Result<Ask, Exit> {
    Ok(match command {
        b"all-dependencies" => |q, names| q.union(names, Union::Closure),
        b"atomics" => |q, names| q.union(names, Union::Themselves),
        b"check" | b"help" => |_, _| Ok(Vec::new()),
        b"contents" => |q, names| q.contents(names),
        b"dependencies" => |q, names| q.union(names, Union::Direct),
        b"flags" => |q, names| q.flags(names),
        b"list" => |q, names| q.list(names),
        b"pipeline" => |q, names| q.pipeline(names),
        b"script" => |q, names| q.script(names),
        b"timeout" => |q, names| q.timeout(names),
        b"type" => |q, names| q.kind(names),
        other => return Err(process.fatal(100, format_args!("unknown command: {}", show(other)))),
    })
}

/// What `list` lists.
#[derive(Clone, Copy)]
enum Listed {
    All,
    Services,
    Oneshots,
    Longruns,
    Bundles,
}

fn kind_to_list(process: &Process, word: Option<&Word>) -> Result<Listed, Exit> {
    let word = word.map(Vec::as_slice).unwrap_or_default();
    Ok(match word {
        b"all" => Listed::All,
        b"services" => Listed::Services,
        b"oneshots" => Listed::Oneshots,
        b"longruns" => Listed::Longruns,
        b"bundles" => Listed::Bundles,
        other => {
            return Err(process.fatal(100, format_args!("unknown subcommand: {}", show(other))));
        }
    })
}

/// Which services of, or behind, the named ones.
#[derive(Clone, Copy)]
enum Union {
    Themselves,
    Direct,
    Closure,
}

impl Query<'_> {
    fn list(&self, arguments: &[Word]) -> Result<Vec<u8>, Exit> {
        let bundles = || self.graph.bundles().iter().rev().map(|b| b.name.as_str());
        let names: Vec<&str> = match kind_to_list(self.process, arguments.first())? {
            Listed::All => {
                let services: Vec<_> = self.graph.ids().collect();
                services.iter().rev().map(|id| self.graph.name(*id)).chain(bundles()).collect()
            }
            Listed::Services => self.visible(|_| true),
            Listed::Oneshots => self.visible(|d| matches!(d.kind, Kind::Oneshot(_))),
            Listed::Longruns => self.visible(|d| matches!(d.kind, Kind::Longrun(_))),
            Listed::Bundles => bundles().collect(),
        };
        Ok(lines(names))
    }

    fn visible(&self, wanted: impl Fn(&Definition) -> bool) -> Vec<&str> {
        let all = self.graph.ids().filter_map(|id| self.graph.definition(id));
        all.filter(|d| wanted(d) && !self.is_hidden(d)).map(|d| d.name.as_str()).collect()
    }

    fn is_hidden(&self, definition: &Definition) -> bool {
        self.hide_essentials && definition.essential
    }

    fn kind(&self, names: &[Word]) -> Result<Vec<u8>, Exit> {
        let name = self.name(names)?;
        Ok(lines([self.graph.kind(&name).ok_or_else(|| self.unknown(&name))?]))
    }

    fn timeout(&self, names: &[Word]) -> Result<Vec<u8>, Exit> {
        let definition = self.atomic(names)?;
        let ms = definition.atomic().map_or(0, |atomic| match self.direction {
            Direction::Up => atomic.timeout_up_ms,
            Direction::Down => atomic.timeout_down_ms,
        });
        Ok(lines([ms.to_string().as_str()]))
    }

    fn contents(&self, names: &[Word]) -> Result<Vec<u8>, Exit> {
        let name = self.name(names)?;
        if self.graph.service(&name).is_some() {
            return Err(self.wrong(&name, "an atomic service"));
        }
        let bundle = self.graph.bundle(&name).ok_or_else(|| self.unknown(&name))?;
        let members = bundle.members.iter().filter_map(|id| self.graph.definition(*id));
        Ok(lines(members.filter(|d| !self.is_hidden(d)).map(|d| d.name.as_str())))
    }

    fn pipeline(&self, names: &[Word]) -> Result<Vec<u8>, Exit> {
        let name = self.name(names)?;
        self.graph.find(&name).ok_or_else(|| self.unknown(&name))?;
        let longrun = self.graph.service(&name).filter(|id| self.graph.is_longrun(*id));
        let id = longrun.ok_or(Exit(5))?;
        let mut edges = Vec::new();
        for producer in self.graph.pipeline(id).into_iter().rev() {
            if let Some(consumer) = self.graph.consumer(producer) {
                let (producer, consumer) = (self.graph.name(producer), self.graph.name(consumer));
                edges.push(format!("{producer}/{consumer}"));
            }
        }
        Ok(lines(edges.iter().map(String::as_str)))
    }

    fn script(&self, names: &[Word]) -> Result<Vec<u8>, Exit> {
        let definition = self.atomic(names)?;
        let Kind::Oneshot(Oneshot { up, down, .. }) = &definition.kind else {
            return Err(self.wrong(&definition.name, "a longrun service"));
        };
        let words = if self.direction == Direction::Up { up } else { down };
        Ok(words.iter().flat_map(|word| word.iter().copied().chain([0])).collect())
    }

    fn flags(&self, names: &[Word]) -> Result<Vec<u8>, Exit> {
        let definition = self.atomic(names)?;
        let bits = u32::from(definition.essential) | u32::from(definition.recommended) << 1;
        Ok(lines([format!("{bits:08x}").as_str()]))
    }

    fn union(&self, names: &[Word], which: Union) -> Result<Vec<u8>, Exit> {
        let mut named = Vec::new();
        for word in names {
            let name = show(word).to_string();
            named.extend(self.graph.find(&name).ok_or_else(|| self.unknown(&name))?);
        }
        let all: BTreeSet<ServiceId> = match which {
            Union::Themselves => named.into_iter().collect(),
            Union::Direct => {
                named.iter().flat_map(|id| self.graph.next(*id, self.direction)).collect()
            }
            Union::Closure => self.graph.closure(&named, self.direction).into_iter().collect(),
        };
        let all = all.into_iter().rev().filter_map(|id| self.graph.definition(id));
        Ok(lines(all.filter(|d| !self.is_hidden(d)).map(|d| d.name.as_str())))
    }

    /// The definition of a service that must not be a bundle.
    fn atomic(&self, names: &[Word]) -> Result<&Definition, Exit> {
        let name = self.name(names)?;
        if self.graph.bundle(&name).is_some() {
            return Err(self.wrong(&name, "a bundle"));
        }
        let id = self.graph.service(&name).ok_or_else(|| self.unknown(&name))?;
        self.graph.definition(id).ok_or_else(|| self.unknown(&name))
    }

    fn name(&self, names: &[Word]) -> Result<String, Exit> {
        names.first().map(|name| show(name).to_string()).ok_or_else(|| self.process.usage())
    }
    fn unknown(&self, name: &str) -> Exit {
        let compiled = self.compiled.display();
        self.process.fatal(3, format_args!("{name} is not a valid identifier in {compiled}"))
    }
    fn wrong(&self, name: &str, what: &str) -> Exit {
        let compiled = self.compiled.display();
        let text = format!("in database {compiled}: identifier {name} represents {what}");
        self.process.fatal(5, &text)
    }
}

fn lines<'a>(all: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    all.into_iter().flat_map(|line| line.bytes().chain([b'\n'])).collect()
}
