//! The parts that all drawings have: a head, and labels whose width is known before they are drawn.

use std::fmt::{self, Display, Formatter};

/// The width of a character of the font, which is monospaced; each text also has its length, so
/// that it fits its place in any font.
const CHARACTER: f64 = 7.25;

const FONT: &str = "\
text { font: 12px 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace; fill: #1f2328 }
";

/// A length in a drawing as it is written: to a tenth of a pixel. (Rust's own formatting of
/// floating-point numbers would add 9 kB of code.)
pub(super) struct Px(pub f64);

impl Display for Px {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

/// The beginning of a drawing of this size, white, with rules of CSS.
pub(super) fn head(width: f64, height: f64, style: &str) -> String {
    let (width, height) = (width.ceil() as u64, height.ceil() as u64);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>\n{FONT}{style}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" style=\"fill:#ffffff;stroke:none\"/>\n"
    )
}

/// A text that begins at `x` and stands on `y`.
pub(super) fn label(x: f64, y: f64, text: impl Display) -> String {
    let text = text.to_string();
    let (x, y, width, escaped) = (Px(x), Px(y), Px(text_width(&text)), escape(&text));
    format!(
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{width}\" \
         lengthAdjust=\"spacingAndGlyphs\">{escaped}</text>"
    )
}

/// How wide a text is drawn. Characters of East Asia take twice the room.
pub(super) fn text_width(text: &str) -> f64 {
    let cells: u32 = text.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum();
    f64::from(cells) * CHARACTER
}

/// A text as XML has it. Control characters cannot be there at all.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What stands above and below the line that a text stands on.
    const ASCENT: f64 = 10.0;
    const DESCENT: f64 = 3.0;

    /// Fails where a label lies over another one, or is not all in the drawing.
    pub(crate) fn assert_labels_are_apart(svg: &str) {
        let size = |name: &str| attribute(&svg[..svg.find('>').unwrap()], name);
        let (width, height) = (size("width"), size("height"));
        let places: Vec<_> = svg.match_indices("<text ").map(|(at, _)| place(&svg[at..])).collect();
        assert!(!places.is_empty());
        for (at, (name, [left, right, top, bottom])) in places.iter().enumerate() {
            let inside = *left >= 0.0 && *right <= width && *top >= 0.0 && *bottom <= height;
            assert!(inside, "{name} is not all in {width} x {height}");
            for (other, [l, r, t, b]) in &places[at + 1..] {
                let apart = right <= l || r <= left || bottom <= t || b <= top;
                assert!(apart, "{name} and {other} lie over each other");
            }
        }
    }

    /// A label, and where it is: left, right, top, bottom.
    fn place(element: &str) -> (String, [f64; 4]) {
        let end = element.find('>').unwrap();
        let text = element[end + 1..].split('<').next().unwrap().to_owned();
        let get = |name| attribute(&element[..end], name);
        let (x, y) = (get("x"), get("y"));
        (text, [x, x + get("textLength"), y - ASCENT, y + DESCENT])
    }

    fn attribute(element: &str, name: &str) -> f64 {
        let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    }

    #[test]
    fn what_means_something_to_xml_is_escaped() {
        assert_eq!(escape("a\u{1}&"), "a\u{fffd}&amp;");
        assert!(label(0.0, 0.0, "<\"b\">").contains(">&lt;&quot;b&quot;&gt;</text>"));
    }

    #[test]
    #[should_panic(expected = "a and b lie over each other")]
    fn labels_over_each_other_are_found() {
        let two = [label(5.0, 20.0, "a"), label(11.0, 25.0, "b")].concat();
        assert_labels_are_apart(&format!("{}{two}</svg>", head(100.0, 100.0, "")));
    }
}
