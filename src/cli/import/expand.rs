//! `%(name)s` in values, as Python's `%` fills it in.
//! Reference: <https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting>.

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

/// The names that may be used.
#[derive(Clone, Debug, Default)]
pub(super) struct Expansions(Vec<(String, Value)>);

impl Expansions {
    /// Defines a name, or another value for it.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value));
    }

    /// The same, with a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.set(name, Value::Text(text.to_owned()));
    }

    /// What a name stands for. A variable that is not known yet stands for itself, between NULs:
    /// only the container has it.
    fn get(&self, name: &str) -> Option<Value> {
        let known = self.0.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.clone()).or_else(|| {
            let variable = if name == "host_node_name" { "HOSTNAME" } else { variable(name)? };
            Some(Value::Text(format!("\0{variable}\0")))
        })
    }

    /// A value with all names in it filled in; or what is wrong with it.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut pieces = text.split('%');
        let mut done = pieces.next().unwrap_or_default().to_owned();
        while let Some(piece) = pieces.next() {
            if piece.is_empty() {
                let next = pieces.next().ok_or("% is not followed by (name)s")?;
                done.push('%');
                done.push_str(next);
                continue;
            }
            let (name, rest) = piece
                .strip_prefix('(')
                .and_then(|piece| piece.split_once(')'))
                .ok_or_else(|| format!("%{piece} is not %(name)s"))?;
            let value = self.get(name).ok_or_else(|| format!("nothing is called {name}"))?;
            let (conversion, rest) = Conversion::read(rest)
                .ok_or_else(|| format!("%({name}){rest} is not %({name})s"))?;
            done.push_str(
                &conversion.write(&value).ok_or_else(|| {
                    format!("{name} is no number: %({name}){}", conversion.letter)
                })?,
            );
            done.push_str(rest);
        }
        Ok(done)
    }
}

/// The variable that `ENV_NAME` means.
fn variable(name: &str) -> Option<&str> {
    let name = name.strip_prefix("ENV_")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

/// What follows `%(name)`.
struct Conversion {
    has_zeros: bool,
    is_left: bool,
    width: usize,
    letter: char,
}

impl Conversion {
    /// Nobody means more columns.
    const WIDEST: usize = 256;

    /// Reads it; what comes behind.
    fn read(text: &str) -> Option<(Self, &str)> {
        let plain = text.trim_start_matches(['0', '-', ' ', '+', '#']);
        let flags = text.get(..text.len() - plain.len())?;
        let rest = plain.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = plain.get(..plain.len() - rest.len())?;
        let width = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let letter = rest.chars().next().filter(|c| "sdiu".contains(*c))?;
        let conversion =
            Self { has_zeros: flags.contains('0'), is_left: flags.contains('-'), width, letter };
        (width <= Self::WIDEST).then_some((conversion, rest.get(1..)?))
    }

    /// `None`: a number is wanted, and it is none.
    fn write(&self, value: &Value) -> Option<String> {
        let width = self.width;
        let text = match value {
            Value::Number(number) if self.letter != 's' && self.has_zeros && !self.is_left => {
                return Some(format!("{number:0width$}"));
            }
            Value::Number(number) => number.to_string(),
            Value::Text(text) if self.letter == 's' => text.clone(),
            Value::Text(_) => return None,
        };
        Some(if self.is_left { format!("{text:<width$}") } else { format!("{text:>width$}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_as_python_does() {
        let mut names = Expansions::default();
        names.text("program_name", "web");
        names.set("process_num", Value::Number(7));
        let of = |text| names.expand(text).ok();
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(of("%(program_name)s_%(process_num)02d"), is("web_07"));
        assert_eq!(of("%(process_num)s %(process_num)3d|%(process_num)-3d|"), is("7   7|7  |"));
        assert_eq!(of("%(process_num)03s"), is("  7"));
        assert_eq!(of("100%%(x)s %%%%"), is("100%(x)s %%"));
        assert_eq!(of("%(ENV_PORT)s on %(host_node_name)s"), is("\0PORT\0 on \0HOSTNAME\0"));
        for bad in ["date +%H", "%", "%(x)s", "%(program_name)d", "%(program_name)", "%(a", "%%%"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
