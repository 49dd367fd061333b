//! Links: every page of the manual is in its summary, and every link leads to a page, and to a
//! heading that is there.

use crate::{SOURCES, generate, pages};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// A page, as far as links are concerned.
struct Target {
    links: Vec<String>,
    headings: BTreeSet<String>,
}

/// What is wrong with the links of the manual, and with those of the texts at the top.
pub(crate) fn check() -> Vec<String> {
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for path in pages() {
        let text = fs::read_to_string(Path::new(SOURCES).join(&path)).expect("a page");
        texts.insert(Path::new(SOURCES).join(path), included(&text));
    }
    for (name, text) in generate::pages().expect("they can be made") {
        texts.insert(Path::new(SOURCES).join(name), text);
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        texts.insert(name.into(), fs::read_to_string(name).expect("a text at the top"));
    }
    let targets = texts.iter().map(|(path, text)| (path.clone(), look(text))).collect();
    let mut faults: Vec<_> = texts.keys().flat_map(|path| dead_links(path, &targets)).collect();
    faults.extend(not_in_the_summary(&targets));
    faults
}

/// A text with what it includes of other files.
fn included(text: &str) -> String {
    let mut made = String::new();
    for line in text.lines() {
        let file = line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
        let part = file.and_then(|file| file.split_once(':'));
        match part {
            Some((file, anchor)) => {
                let file = file.trim_start_matches("../");
                let whole = fs::read_to_string(file).expect("what is included");
                let begin = format!("<!-- ANCHOR: {anchor} -->");
                let end = format!("<!-- ANCHOR_END: {anchor} -->");
                let inner = whole.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
                made += inner.unwrap_or_else(|| panic!("{file} has no part {anchor}")).0;
            }
            None => made += &format!("{line}\n"),
        }
    }
    made
}

fn look(text: &str) -> Target {
    let mut target = Target { links: Vec::new(), headings: BTreeSet::new() };
    let mut heading = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                target.links.push(dest_url.to_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let name = slug(&heading.take().unwrap_or_default());
                let again = (1..).map(|n| format!("{name}-{n}"));
                let mut names = std::iter::once(name.clone()).chain(again);
                target.headings.extend(names.find(|name| !target.headings.contains(name)));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    target
}

/// A heading as mdBook and GitHub write it into links.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

fn dead_links(from: &Path, targets: &BTreeMap<PathBuf, Target>) -> Vec<String> {
    let mut faults = Vec::new();
    for link in &targets[from].links {
        let in_repository = link.strip_prefix(concat!(env!("CARGO_PKG_REPOSITORY"), "/"));
        if let Some(path) = in_repository {
            let path = path.strip_prefix("blob/main/").or_else(|| path.strip_prefix("tree/main/"));
            let file = path.map(|path| path.split('#').next().unwrap_or_default());
            if file.is_some_and(|file| !Path::new(file).exists()) {
                faults.push(format!("{}: no {link} in the repository", from.display()));
            }
            continue;
        }
        if link.contains("://") {
            continue;
        }
        let (path, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { from.to_path_buf() } else { beside(from, path) };
        match targets.get(&target) {
            Some(target) if heading.is_empty() || target.headings.contains(heading) => {}
            Some(_) => faults.push(format!("{}: no heading for {link}", from.display())),
            None if target.exists() => {}
            None => faults.push(format!("{}: nothing at {link}", from.display())),
        }
    }
    faults
}

/// A path that a page mentions, without its `..`.
fn beside(page: &Path, path: &str) -> PathBuf {
    let mut made = PathBuf::new();
    for part in page.parent().unwrap_or(Path::new("")).join(path).components() {
        match part {
            Component::ParentDir => drop(made.pop()),
            part => made.push(part),
        }
    }
    made
}

fn not_in_the_summary(targets: &BTreeMap<PathBuf, Target>) -> Vec<String> {
    let summary = Path::new(SOURCES).join("SUMMARY.md");
    let listed: BTreeSet<_> = targets[&summary].links.iter().map(|l| beside(&summary, l)).collect();
    let missing = targets.keys().filter(|path| path.starts_with(SOURCES) && **path != summary);
    let missing = missing.filter(|path| !listed.contains(*path));
    missing.map(|path| format!("{} is not in SUMMARY.md", path.display())).collect()
}
