//! A tree as a picture: what a service needs is on its left.

use super::layout::{BOX_HEIGHT, Point, layout};
use super::{Need, Picture, fill};
use crate::cli::svg::{Px, escape, head, label, text_width};
use crate::graph::ServiceId;
use std::fmt::Write;

/// The room between a name and the ends of its box.
const PADDING: f64 = 10.0;

const STYLE: &str = "\
rect { fill: #ffffff; stroke: #57606a }
path { fill: none; stroke: #8c959f }
.pipe { stroke-dasharray: 4 3; stroke: #0969da }
";

/// The end of an arrow.
const MARKER: &str = "\
<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 8 4 0 8Z\" \
style=\"fill:#8c959f;stroke:none\"/></marker></defs>
";

/// Draws the services.
pub(super) fn draw(picture: &Picture) -> String {
    let names: Vec<&str> = picture.services.iter().map(|&id| picture.graph.name(id)).collect();
    let widths: Vec<f64> = names.iter().map(|name| text_width(name) + 2.0 * PADDING).collect();
    let place = |id: ServiceId| picture.services.binary_search(&id).ok();
    let needs = picture.needs();
    let ends = |need: &Need| Some((place(need.dependency)?, place(need.dependent)?));
    let arrows: Vec<(usize, usize)> = needs.iter().filter_map(ends).collect();
    let mut pipes: Vec<_> = needs.iter().filter(|need| need.is_pipe).filter_map(ends).collect();
    pipes.sort_unstable();
    let layout = layout(&widths, &arrows);
    let mut svg = head(layout.width, layout.height, STYLE) + MARKER;
    for (from, to, points) in &layout.arrows {
        svg += &arrow(points, pipes.binary_search(&(*from, *to)).is_ok());
    }
    let boxes = picture.services.iter().zip(&widths).zip(&layout.boxes);
    for ((&id, &width), &at) in boxes {
        svg += &service(picture, id, width, at);
    }
    svg + "</svg>\n"
}

/// An arrow: straight past the columns, and curved between them.
fn arrow(points: &[Point], is_pipe: bool) -> String {
    let class = if is_pipe { " class=\"pipe\"" } else { "" };
    let mut path = String::new();
    let mut before: Option<Point> = None;
    for (at, point) in points.iter().enumerate() {
        let (x, y) = (Px(point.x), Px(point.y));
        // Writing to a string cannot fail.
        let _ = match before {
            None => write!(path, "M{x} {y}"),
            Some(_) if at % 2 == 1 => write!(path, "H{x}"),
            Some(from) => {
                let middle = Px(f64::midpoint(from.x, point.x));
                write!(path, "C{middle} {} {middle} {y} {x} {y}", Px(from.y))
            }
        };
        before = Some(*point);
    }
    format!("<path d=\"{path}\"{class} marker-end=\"url(#end)\"/>\n")
}

/// The box of a service: round for a longrun, square for a oneshot.
fn service(picture: &Picture, id: ServiceId, width: f64, at: Point) -> String {
    let name = picture.graph.name(id);
    let (kind, round) =
        if picture.graph.is_longrun(id) { ("longrun", BOX_HEIGHT / 2.0) } else { ("oneshot", 2.0) };
    let fill = picture.states.get(&id).map(|s| format!(" style=\"fill:{}\"", fill(*s)));
    let state = picture.state(id).map_or(String::new(), |state| format!(", {state}"));
    format!(
        "<g><title>{}: {kind}{state}</title><rect x=\"{}\" y=\"{}\" \
         width=\"{}\" height=\"{}\" rx=\"{}\"{}/>{}</g>\n",
        escape(name),
        Px(at.x),
        Px(at.y - BOX_HEIGHT / 2.0),
        Px(width),
        Px(BOX_HEIGHT),
        Px(round),
        fill.unwrap_or_default(),
        label(at.x + PADDING, at.y + 4.0, name),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{picture, web};
    use super::*;
    use crate::cli::check;
    use crate::cli::svg::tests::assert_labels_are_apart;
    use crate::definition::{Atomic, Definition, Kind, Longrun, Reference};
    use crate::graph::Graph;

    #[test]
    fn every_service_has_a_box_and_a_pipe_is_dashed() {
        let graph = web();
        let svg = draw(&picture(&graph));
        assert_eq!(svg.matches("<g>").count(), 5);
        assert_eq!(svg.matches("class=\"pipe\"").count(), 1);
        assert!(svg.contains(">a &quot;b&quot;&lt;c&gt;</text>"), "{svg}");
        assert_labels_are_apart(&svg);
    }

    #[test]
    fn the_labels_of_the_example_and_of_fifty_services_are_apart() {
        let root = Some("examples/php-nginx/rootfs".into());
        let request = check::CheckRequest { root, ..check::CheckRequest::default() };
        let example = check::resolve(&request).unwrap().unwrap().0;
        let longrun = |i: usize| {
            let needs = [i / 2, i / 3].into_iter().filter(|&on| on < i);
            let dependencies = needs.map(|on| Reference::to(&format!("svc-{on:02}"))).collect();
            let atomic = Atomic { dependencies, ..Atomic::default() };
            let longrun = Longrun { atomic, ..Longrun::default() };
            Definition::new(&format!("svc-{i:02}"), Kind::Longrun(longrun))
        };
        let fifty = Graph::new((0..50).map(longrun).collect()).unwrap();
        for graph in [example, fifty] {
            assert_labels_are_apart(&draw(&picture(&graph)));
        }
    }
}
