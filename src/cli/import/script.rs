//! Scripts for execlineb. A word may have variables in it that are known when the container runs:
//! their names, between NULs.

use crate::execline::quote;
use std::fmt::Write;

/// The interpreter that every image has.
const INTERPRETER: &str = "#!/command/execlineb -P\n";

/// A script that is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct GeneratedScript {
    /// A command a line, each executing the next.
    lines: Vec<ScriptLine>,
    /// Variables that may be unset, and what they are then.
    defaults: Vec<(String, String)>,
    /// Whether it wants the variables of the container.
    has_environment: bool,
}

/// A line of a script.
#[derive(Clone, Debug)]
struct ScriptLine {
    words: Vec<String>,
    /// Whether its braces are words like others.
    is_program: bool,
}

impl GeneratedScript {
    /// One that finds the variables of the container in its environment.
    pub(super) fn with_environment() -> Self {
        Self { has_environment: true, ..Self::default() }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, words: &[&str]) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.lines.push(ScriptLine { words, is_program: false });
    }

    /// Adds a line that is a program with its arguments.
    pub(super) fn program(&mut self, words: Vec<String>) {
        self.lines.push(ScriptLine { words, is_program: true });
    }

    /// Says what a variable is if it is unset.
    pub(super) fn fallback(&mut self, variable: &str, value: &str) {
        self.defaults.push((variable.to_owned(), value.to_owned()));
    }

    /// All of it, as it is written into a file.
    pub(super) fn text(&self) -> String {
        let variables = self.variables();
        let mut text = INTERPRETER.to_owned();
        if self.has_environment || !variables.is_empty() {
            text.push_str("with-contenv\n");
        }
        let imports: Vec<String> = variables.iter().map(|name| self.import(name)).collect();
        // Writing to a string cannot fail.
        let _ = match &imports[..] {
            [] => Ok(()),
            [one] => writeln!(text, "{one}"),
            // One pass for all: none of them is looked for in the values of the others.
            all => writeln!(text, "multisubstitute {{\n  {}\n}}", all.join("\n  ")),
        };
        for line in &self.lines {
            let is_brace = |word: &str| !line.is_program && matches!(word, "{" | "}");
            let words = line.words.iter().map(|word| match is_brace(word) {
                true => word.clone(),
                false => written(word, &variables),
            });
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", words.collect::<Vec<_>>().join(" "));
        }
        text
    }

    /// The variables in it, each once.
    fn variables(&self) -> Vec<&str> {
        let mut variables: Vec<&str> = Vec::new();
        for word in self.lines.iter().flat_map(|line| &line.words) {
            for name in word.split('\0').skip(1).step_by(2) {
                if !variables.contains(&name) {
                    variables.push(name);
                }
            }
        }
        variables
    }

    fn import(&self, name: &str) -> String {
        if let Some(name) = name.strip_prefix(' ') {
            return format!("importas -isC {name}_words {name}");
        }
        match self.defaults.iter().find(|(known, _)| known == name) {
            Some((_, value)) => format!("importas -D {} {name} {name}", quote::if_needed(value)),
            None => format!("importas -i {name} {name}"),
        }
    }
}

/// A word that is nothing but a variable, and becomes as many words as that has.
pub(super) fn words_of(variable: &str) -> String {
    format!("\0 {variable}\0")
}

/// A word as it is written: `${X}` where it has a variable.
fn written(word: &str, variables: &[&str]) -> String {
    let mut text = String::new();
    let mut is_variable = false;
    let mut pieces = word.split('\0').peekable();
    while let Some(piece) = pieces.next() {
        if is_variable {
            // Writing to a string cannot fail.
            let _ = match piece.strip_prefix(' ') {
                Some(name) => write!(text, "${{{name}_words}}"),
                None => write!(text, "${{{piece}}}"),
            };
        } else {
            text.push_str(&escaped(piece, variables, pieces.peek().is_some()));
        }
        is_variable = !is_variable;
    }
    quote::if_needed(&text)
}

/// Text that stands for itself where variables are filled in: a backslash before what looks like
/// one of them, and another for each before that.
fn escaped(text: &str, variables: &[&str], is_before_variable: bool) -> String {
    let mut done = String::new();
    let mut backslashes = 0;
    for (at, c) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        if c == '$' && variables.iter().any(|name| is_reference(rest, name)) {
            done.push_str(&"\\".repeat(backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        done.push(c);
    }
    if is_before_variable {
        done.push_str(&"\\".repeat(backslashes));
    }
    done
}

/// Whether text that begins with `$` would be filled in.
fn is_reference(text: &str, variable: &str) -> bool {
    let name = match variable.strip_prefix(' ') {
        Some(name) => format!("{name}_words"),
        None => variable.to_owned(),
    };
    let after = |open: &str| text.strip_prefix(open).and_then(|rest| rest.strip_prefix(&*name));
    after("${").is_some_and(|rest| rest.starts_with('}'))
        || after("$").is_some_and(|rest| rest.is_empty() || rest.starts_with(['\\', '$', '{', '}']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(words: &[&str]) -> String {
        let mut script = GeneratedScript::default();
        script.line(words);
        script.text().replacen(INTERPRETER, "", 1)
    }

    #[test]
    fn words_are_quoted_where_they_must_be() {
        assert_eq!(script(&["a", "b c", "", "\"", "x=y"]), "a \"b c\" \"\" \"\\\"\" x=y\n");
    }

    #[test]
    fn variables_are_imported_and_what_looks_like_them_is_escaped() {
        let text = script(&["a", "--port=\0PORT\0", "${PORT} ${OTHER}", "\\\0PORT\0"]);
        assert_eq!(
            text,
            "with-contenv\nimportas -i PORT PORT\n\
             a \"--port=${PORT}\" \"\\\\${PORT} ${OTHER}\" \"\\\\\\\\${PORT}\"\n"
        );
    }

    #[test]
    fn several_variables_are_filled_in_at_once() {
        let text = script(&["\0A\0", &words_of("A")]);
        assert_eq!(
            text,
            "with-contenv\nmultisubstitute {\n  importas -i A A\n  importas -isC A_words A\n}\n\
             \"${A}\" \"${A_words}\"\n"
        );
    }
}
