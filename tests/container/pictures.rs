//! What is drawn of a running container, as a browser or a viewer shows it.

use crate::boot::{Container, is_possible};
use crate::examples::php_nginx;
use crate::image::Scratch;
use std::fs;
use std::process::Command;

#[test]
fn the_graph_and_the_timing_of_the_example_can_be_rendered() {
    if !is_possible() {
        return;
    }
    let mut container = php_nginx(&[]);
    let graph = rendered(&mut container, "graph", &["graph", "--format", "svg"]);
    assert!(graph.contains("<title>svc-nginx: longrun, up</title>"), "{graph}");
    let timing = rendered(&mut container, "timing", &["timing", "--svg"]);
    assert!(timing.contains(">svc-nginx</text>") && timing.contains("class=\"critical\""));
}

/// Returns what a subcommand draws; its PNG has the same size and is not empty.
fn rendered(container: &mut Container, name: &str, words: &[&str]) -> String {
    let output = container.exec(&[&["sixtree"], words].concat(), None);
    assert!(output.status.success(), "{output:?}");
    let svg = String::from_utf8(output.stdout).expect("a drawing is text");
    let folder = Scratch::new("pictures");
    let file = |end| folder.path().join(format!("{name}.{end}"));
    fs::write(file("svg"), &svg).expect("a file for the drawing");
    let done = Command::new("rsvg-convert").arg(file("svg")).arg("-o").arg(file("png")).status();
    assert!(done.expect("rsvg-convert: install librsvg2-bin").success());
    let png = fs::read(file("png")).expect("a picture");
    let number =
        |at: usize| png[at..at + 4].iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
    let size = format!("width=\"{}\" height=\"{}\"", number(16), number(20));
    assert!(svg.starts_with(&format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {size} ")));
    // A white area of this size takes about one kB.
    assert!(png.len() > 8_000, "{} bytes", png.len());
    svg
}
