//! A page of the manual, as blocks that are run and the lines between them.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the commands of a block run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Run,
    Inside,
    Docker,
}

/// A command and what is printed by it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub command: String,
    pub output: Vec<String>,
    /// The line of the page at which it begins.
    pub line: usize,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Lines that nothing is done with.
    Text(Vec<String>),
    /// Commands that readers do not see.
    Hidden { kind: Kind, lines: Vec<String> },
    /// A file that is written.
    File { fence: String, path: String, lines: Vec<String> },
    /// Commands and what they print.
    Steps { fence: String, kind: Kind, is_like: bool, steps: Vec<Step> },
}

/// A page.
pub(crate) struct Page {
    pub path: PathBuf,
    pub parts: Vec<Part>,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut parts = Vec::new();
        let mut lines = text.lines().map(str::to_owned).enumerate();
        while let Some((number, line)) = lines.next() {
            let mut until = |end: &str| -> Vec<(usize, String)> {
                lines.by_ref().take_while(|(_, line)| line != end).collect()
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["<!--", word @ ("run" | "docker")] => {
                    let kind = if word == "run" { Kind::Run } else { Kind::Docker };
                    let lines = until("-->").into_iter().map(|(_, line)| line).collect();
                    parts.push(Part::Hidden { kind, lines });
                }
                [first, ref marks @ ..] if first.starts_with("```") => {
                    let inner = until("```");
                    parts.push(block(&line, marks, inner, number + 1));
                }
                _ => match parts.last_mut() {
                    Some(Part::Text(lines)) => lines.push(line),
                    _ => parts.push(Part::Text(vec![line])),
                },
            }
        }
        Self { path: path.to_owned(), parts }
    }

    /// Whether it has steps of one of these kinds.
    pub(crate) fn has(&self, kinds: &[Kind]) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Steps { kind, .. } if kinds.contains(kind)))
    }

    /// Writes it back.
    pub(crate) fn write(&self) {
        let mut text = String::new();
        let mut add = |line: &str| text += &format!("{line}\n");
        for part in &self.parts {
            match part {
                Part::Text(lines) => lines.iter().for_each(|line| add(line)),
                Part::Hidden { kind, lines } => {
                    add(if *kind == Kind::Run { "<!-- run" } else { "<!-- docker" });
                    lines.iter().for_each(|line| add(line));
                    add("-->");
                }
                Part::File { fence, lines, .. } => {
                    add(fence);
                    lines.iter().for_each(|line| add(line));
                    add("```");
                }
                Part::Steps { fence, steps, .. } => {
                    add(fence);
                    for step in steps {
                        add(&format!("$ {}", step.command.replace('\n', "\n> ")));
                        step.output.iter().for_each(|line| add(line));
                    }
                    add("```");
                }
            }
        }
        fs::write(&self.path, text).expect("the page can be written");
    }
}

/// A fenced block.
fn block(fence: &str, marks: &[&str], inner: Vec<(usize, String)>, line: usize) -> Part {
    let fence = fence.to_owned();
    let kind = marks.iter().find_map(|mark| match *mark {
        "run" => Some(Kind::Run),
        "inside" => Some(Kind::Inside),
        "docker" => Some(Kind::Docker),
        _ => None,
    });
    if let Some(kind) = kind {
        let steps = steps(inner);
        assert!(!steps.is_empty(), "line {line}: a block to run has no command");
        return Part::Steps { fence, kind, is_like: marks.contains(&"like"), steps };
    }
    let lines: Vec<_> = inner.into_iter().map(|(_, line)| line).collect();
    match marks.iter().find_map(|mark| mark.strip_prefix("file=")) {
        Some(path) => Part::File { path: path.to_owned(), fence, lines },
        None => Part::Text([vec![fence], lines, vec!["```".to_owned()]].concat()),
    }
}

fn steps(lines: Vec<(usize, String)>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (number, text) in lines {
        match (text.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                let command = command.to_owned();
                steps.push(Step { command, output: Vec::new(), line: number + 1 });
            }
            (None, Some(step)) if text.starts_with("> ") && step.output.is_empty() => {
                step.command += &format!("\n{}", &text[2..]);
            }
            (None, Some(step)) => step.output.push(text),
            (None, None) => panic!("line {}: output before any command", number + 1),
        }
    }
    steps
}
