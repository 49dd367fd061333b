//! A page of the manual as a man page: the few elements that such a page has, and no others.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The man page of this name and section of a Markdown text, whose first heading is
/// `NAME(SECTION): what it is`.
pub(super) fn page(name: &str, section: &str, markdown: &str) -> String {
    let source = concat!("sixtree ", env!("CARGO_PKG_VERSION"));
    let mut writer = Writer {
        text: format!(".TH {name} {section} \"\" \"{source}\" sixtree\n"),
        ..Writer::default()
    };
    let title =
        markdown.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, t)| t);
    writer.text += &format!(".SH NAME\n{name} \\- {}\n.SH DESCRIPTION\n", escape(title));
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    // The first heading is the NAME.
    parser
        .skip_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
        .skip(1)
        .for_each(|event| writer.event(event));
    writer.text
}

/// What has been written, and where in the text it is.
#[derive(Default)]
struct Writer {
    text: String,
    /// In a block of code, whose lines are kept.
    in_code: bool,
    /// The first cell of a row, which is its label.
    in_label: bool,
    /// Before the second cell of a row.
    is_second: bool,
    /// In the head of a table, whose words are not repeated here.
    in_head: bool,
    /// The first paragraph of an item goes on in its line.
    in_item: bool,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(_) | Event::Code(_) if self.in_head => {}
            Event::Text(text) if self.in_code => {
                text.lines().for_each(|line| self.text += &format!("{}\n", escape(line)));
            }
            Event::Text(text) => self.text += &escape(&text),
            Event::Code(code) => self.text += &format!("\\fB{}\\fR", escape(&code)),
            Event::SoftBreak | Event::HardBreak => self.text.push('\n'),
            // Comments steer the tests.
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level: HeadingLevel::H2, .. } => self.line(".SH "),
            Tag::Heading { .. } => self.line(".SS "),
            Tag::Paragraph if self.in_item => self.in_item = false,
            Tag::Paragraph => self.line(".PP\n"),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.line(".PP\n.RS 4\n.nf\n");
                self.in_code = true;
            }
            Tag::Item => {
                self.line(".IP \\(bu 3\n");
                self.in_item = true;
            }
            Tag::TableHead => self.in_head = true,
            Tag::TableRow => {
                self.line(".TP\n");
                (self.in_label, self.is_second) = (true, true);
            }
            Tag::TableCell if !self.in_label && !self.in_head => {
                // The second cell of a row follows its label, the third has a line of its own.
                let is_second = std::mem::take(&mut self.is_second);
                self.line(if is_second { "" } else { ".br\n" });
            }
            Tag::Emphasis => self.text += "\\fI",
            Tag::Strong => self.text += "\\fB",
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.text += ".fi\n.RE\n";
            }
            TagEnd::TableHead => self.in_head = false,
            TagEnd::TableCell => self.in_label = false,
            TagEnd::Emphasis | TagEnd::Strong => self.text += "\\fR",
            TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::TableRow | TagEnd::Item => {
                self.line("")
            }
            _ => {}
        }
    }

    /// Begins a line.
    fn line(&mut self, text: &str) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text += text;
    }
}

/// Text that groff prints as it is.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...");
    let begins_like_a_request = text.starts_with(['.', '\'']);
    if begins_like_a_request { format!("\\&{text}") } else { text }
}
