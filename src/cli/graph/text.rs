//! A tree as indented lines, for a terminal.

use super::Picture;
use crate::cli::terminal::coloured;
use crate::graph::{Direction, ServiceId};
use std::collections::BTreeSet;

/// The lines below one service that are still to be written.
struct Branch {
    /// What stands in front of them.
    indent: String,
    children: Vec<ServiceId>,
    next: usize,
}

/// Draws each service with what it needs (or with what needs it) below it. What was drawn once is
/// not unfolded again: three dots say so.
pub(super) fn draw(picture: &Picture, has_colours: bool) -> String {
    let label = |id| label(picture, id, has_colours);
    let mut text = String::new();
    let mut drawn = BTreeSet::new();
    for root in roots(picture) {
        text += &label(root);
        let mut branches: Vec<Branch> = unfold(picture, root, "", &mut drawn, &mut text);
        // A stack and no recursion: a chain may be ten thousand services long.
        while let Some(branch) = branches.last_mut() {
            let Some(&child) = branch.children.get(branch.next) else {
                branches.pop();
                continue;
            };
            branch.next += 1;
            let is_last = branch.next == branch.children.len();
            let (joint, below) =
                if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
            text += &format!("{}{joint}{}", branch.indent, label(child));
            let indent = format!("{}{below}", branch.indent);
            branches.extend(unfold(picture, child, &indent, &mut drawn, &mut text));
        }
    }
    // Whoever asked for some services asked for these alone.
    for (name, why) in picture.off.iter().filter(|_| picture.asked.is_empty()) {
        text += &format!("{} [off: {}]\n", name.escape_debug(), why.escape_debug());
    }
    text
}

/// Ends the line of a service; gives what is to be drawn below it.
fn unfold(
    picture: &Picture,
    id: ServiceId,
    indent: &str,
    drawn: &mut BTreeSet<ServiceId>,
    text: &mut String,
) -> Vec<Branch> {
    let children: Vec<ServiceId> = next(picture, id);
    if !drawn.insert(id) && !children.is_empty() {
        text.push_str(" …\n");
        return Vec::new();
    }
    text.push('\n');
    vec![Branch { indent: indent.to_owned(), children, next: 0 }]
}

/// Where the drawing begins: at what was asked for, or at all that is below nothing.
fn roots(picture: &Picture) -> Vec<ServiceId> {
    if !picture.asked.is_empty() {
        return picture.asked.clone();
    }
    let below: BTreeSet<ServiceId> =
        picture.services.iter().flat_map(|&id| next(picture, id)).collect();
    picture.services.iter().copied().filter(|id| !below.contains(id)).collect()
}

fn next(picture: &Picture, id: ServiceId) -> Vec<ServiceId> {
    picture.graph.next(id, picture.direction).collect()
}

fn label(picture: &Picture, id: ServiceId, has_colours: bool) -> String {
    let mut label = picture.graph.name(id).escape_debug().to_string();
    if !picture.graph.is_longrun(id) {
        label += " (oneshot)";
    }
    if let Some(consumer) = picture.graph.consumer(id) {
        label += &format!(" | {}", picture.graph.name(consumer).escape_debug());
    }
    for first in picture.graph.first(id, Direction::Up) {
        label += &format!(" (after {})", picture.graph.name(first).escape_debug());
    }
    if let Some(state) = picture.states.get(&id) {
        let colour = has_colours.then(|| state.colour());
        label += &format!(" [{}]", coloured(state.word(), colour));
    }
    label
}

#[cfg(test)]
mod tests {
    use super::super::tests::{picture, web};
    use super::*;

    #[test]
    fn what_a_service_needs_is_below_it() {
        let graph = web();
        let mut picture = picture(&graph);
        let expected = "\
web | web-log
├── web-log
│   └── init (oneshot)
├── db
│   └── init (oneshot)
└── init (oneshot)
a \\\"b\\\"<c>
└── init (oneshot)
";
        assert_eq!(draw(&picture, false), expected);
        picture.direction = Direction::Down;
        let expected = "\
init (oneshot)
├── web | web-log
├── web-log
│   └── web | web-log
├── a \\\"b\\\"<c>
└── db
    └── web | web-log
";
        assert_eq!(draw(&picture, false), expected);
    }

    #[test]
    fn what_is_off_comes_last() {
        let graph = web();
        let mut picture = picture(&graph);
        picture.off = vec![("worker".to_owned(), "RUN_WORKER=0 (if-env)".to_owned())];
        assert!(draw(&picture, false).ends_with("\nworker [off: RUN_WORKER=0 (if-env)]\n"));
    }

    #[test]
    fn what_was_unfolded_once_is_not_again() {
        let graph = web();
        let mut picture = picture(&graph);
        picture.asked = vec![ServiceId(3), ServiceId(3)];
        assert_eq!(draw(&picture, false), "db\n└── init (oneshot)\ndb …\n");
    }
}
