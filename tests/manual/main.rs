//! The manual is true: its commands print what it shows, and its links lead somewhere.
//!
//! Blocks of code are marked by what stands behind the language of their fence:
//!
//! | fence | what the test does |
//! |---|---|
//! | `console run` | runs the lines behind `$` and `>`, and compares what they print |
//! | `console inside` | the same in one container of `rootfs` over `image` |
//! | `console docker` | the same with Docker, if it answers; names and ports are the test's |
//! | `… like` | the same, but any number is as good as another, and so is the width of a gap |
//! | `LANGUAGE file=PATH` | writes the file |
//! | `<!-- run`, `<!-- docker`, up to `-->` | runs these lines, which readers do not see |
//!
//! Each page has a folder and a shell of its own. A line `…` stands for any lines. `UPDATE=1 cargo
//! test --test manual` writes into the pages what is printed now; look at the
//! difference. `image` is a folder with BusyBox and the release.
#![allow(clippy::disallowed_methods)]

mod complete;
#[path = "../../docs/generate.rs"]
#[allow(dead_code, reason = "its main is the example's")]
mod generate;
#[path = "../container/image.rs"]
#[allow(dead_code, reason = "of what the tests in namespaces need, this needs a part")]
mod image;
mod links;
mod page;
mod session;
#[path = "../skip/mod.rs"]
mod skip;

use image::Scratch;
use page::{Kind, Page};
use session::Session;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the pages are that are written by hand.
const SOURCES: &str = "docs/src";

/// Every page that is written by hand, by its path below the sources.
fn pages() -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(SOURCES).sort_by_file_name().into_iter();
    let files = files.map(|entry| entry.expect("the sources can be read").into_path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "md"));
    let files = files.map(|path| path.strip_prefix(SOURCES).expect("below them").to_path_buf());
    let made: Vec<_> = generate::pages().expect("they can be made");
    files.filter(|path| made.iter().all(|(name, _)| Path::new(name) != path)).collect()
}

/// Whether an unprivileged or privileged user may make the namespaces that a container needs.
fn has_namespaces() -> bool {
    let made =
        Command::new("unshare").args(["--mount", "--pid", "--net", "--fork", "true"]).output();
    match made {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            skip::skip(&format!("no namespaces: {}", String::from_utf8_lossy(&output.stderr)));
            false
        }
        Err(e) => {
            skip::skip(&format!("no unshare: {e}"));
            false
        }
    }
}

/// Runs the blocks of all pages that have some of these kinds.
fn run_pages(is_wanted: impl Fn(&Page) -> bool, start: impl Fn(&Scratch) -> Session) {
    let update = std::env::var_os("UPDATE").is_some();
    let only = std::env::var("PAGE").unwrap_or_default();
    let image = session::image();
    let mut faults = String::new();
    for path in pages().into_iter().filter(|path| path.to_string_lossy().contains(&only)) {
        let mut page = Page::read(&Path::new(SOURCES).join(&path));
        if !is_wanted(&page) {
            continue;
        }
        faults += &start(&image).run(&mut page);
        if update {
            page.write();
        }
    }
    assert!(update || faults.is_empty(), "{faults}\nUPDATE=1 writes what is printed now");
}

#[test]
fn commands_print_what_the_manual_shows() {
    if has_namespaces() {
        let is_wanted =
            |page: &Page| page.has(&[Kind::Run, Kind::Inside]) && !page.has(&[Kind::Docker]);
        run_pages(is_wanted, Session::in_namespaces);
    }
}

#[test]
fn commands_with_docker_print_what_the_manual_shows() {
    if has_namespaces() && session::docker_answers() {
        run_pages(|page| page.has(&[Kind::Docker]), Session::with_docker);
    }
}

#[test]
fn every_link_leads_somewhere() {
    let faults = links::check();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_readme_is_a_page_whose_first_screen_says_how_to_try_it() {
    let text = std::fs::read_to_string("README.md").expect("there is one");
    assert!(text.lines().count() < 150, "what is longer belongs into the manual: {SOURCES}");
    let first_screen: Vec<_> = text.lines().take(25).collect();
    for command in ["make demo ", "make test "] {
        assert!(first_screen.iter().any(|line| line.starts_with(command)), "no {command}");
    }
}
