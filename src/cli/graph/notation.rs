//! A tree in the notations of others: Mermaid, Graphviz, JSON.

use super::{Picture, fill};
use crate::cli::known::ServiceState;
use crate::graph::{Bundle, Direction, ServiceId};
use litemap::LiteMap;
use serde_json::{Value, json};
use std::fmt::Write;

/// A Mermaid flowchart: longruns round, oneshots square, pipes dotted.
pub(super) fn mermaid(picture: &Picture) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for &id in &picture.services {
        let label = entities(picture.graph.name(id));
        let (open, close) = if picture.graph.is_longrun(id) { ("(", ")") } else { ("[", "]") };
        // Writing to a string cannot fail.
        let _ = write!(text, "    s{}{open}\"{label}\"{close}", id.0);
        let _ = match picture.state(id) {
            Some(state) => writeln!(text, ":::{state}"),
            None => writeln!(text),
        };
    }
    for need in picture.needs() {
        let arrow = if need.is_pipe { "-.->" } else { "-->" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    s{} {arrow} s{}", need.dependent.0, need.dependency.0);
    }
    for (later, first) in picture.orders() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    s{} -. after .-> s{}", later.0, first.0);
    }
    let states: LiteMap<&str, ServiceState> =
        picture.states.values().map(|s| (s.word(), *s)).collect();
    for (name, state) in states {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    classDef {name} fill:{}", fill(state));
    }
    text
}

/// A Graphviz digraph.
pub(super) fn dot(picture: &Picture) -> String {
    let mut text = "digraph services {\n    rankdir=LR;\n    node [style=filled];\n".to_owned();
    for &id in &picture.services {
        let shape = if picture.graph.is_longrun(id) { "ellipse" } else { "box" };
        let fill = picture.states.get(&id).map_or("white", |state| fill(*state));
        let name = quoted(picture.graph.name(id));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {name} [shape={shape}, fillcolor=\"{fill}\"];");
    }
    for need in picture.needs() {
        let [from, to] = [need.dependent, need.dependency].map(|id| quoted(picture.graph.name(id)));
        let style = if need.is_pipe { " [style=dashed]" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {from} -> {to}{style};");
    }
    for (later, first) in picture.orders() {
        let [from, to] = [later, first].map(|id| quoted(picture.graph.name(id)));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {from} -> {to} [style=dotted, label=after];");
    }
    text + "}\n"
}

/// One JSON document.
pub(super) fn json(picture: &Picture) -> String {
    let services: Vec<Value> = picture.services.iter().map(|&id| service(picture, id)).collect();
    let bundle = |bundle: &Bundle| {
        let contents = names(picture, bundle.members.iter().copied());
        json!({ "name": bundle.name, "contents": contents })
    };
    let bundles: Vec<Value> = picture.graph.bundles().iter().map(bundle).collect();
    let off = picture.off.iter().map(|(name, why)| json!({ "name": name, "why": why }));
    let off: Vec<Value> = off.collect();
    format!("{:#}\n", json!({ "services": services, "bundles": bundles, "off": off }))
}

fn service(picture: &Picture, id: ServiceId) -> Value {
    json!({
        "name": picture.graph.name(id),
        "type": picture.kind(id),
        "dependencies": names(picture, picture.graph.dependencies(id)),
        "after": names(picture, picture.graph.first(id, Direction::Up)),
        "dependents": names(picture, picture.graph.dependents(id)),
        "consumer": picture.graph.consumer(id).map(|id| picture.graph.name(id)),
        "state": picture.state(id),
    })
}

fn names(picture: &Picture, ids: impl Iterator<Item = ServiceId>) -> Vec<String> {
    ids.map(|id| picture.graph.name(id).to_owned()).collect()
}

/// A Graphviz string.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A Mermaid label: what means something to it is a numeric entity.
fn entities(name: &str) -> String {
    let entity = |c: char| match c {
        '"' | '#' | '&' | ';' | '<' | '>' | '`' | '\\' => format!("#{};", u32::from(c)),
        c => c.to_string(),
    };
    name.chars().map(entity).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{picture, web};
    use super::*;

    #[test]
    fn names_are_quoted_as_each_notation_wants_it() {
        let graph = web();
        let picture = picture(&graph);
        assert!(dot(&picture).contains(r#""a \"b\"<c>" -> "init";"#));
        assert!(dot(&picture).contains(r#""web" -> "web-log" [style=dashed];"#));
        assert!(mermaid(&picture).contains(r#"s2("a #34;b#34;#60;c#62;")"#));
        assert!(mermaid(&picture).contains("s0 -.-> s1"));
    }

    #[test]
    fn json_has_both_ways() {
        let graph = web();
        let all: Value = serde_json::from_str(&json(&picture(&graph))).unwrap();
        assert_eq!(all["services"][0]["dependencies"], json!(["web-log", "db", "init"]));
        assert_eq!(all["services"][3]["dependents"], json!(["web"]));
        assert_eq!(all["services"][4]["type"], "oneshot");
    }
}
