//! How faults are printed: for people, for programs, and for the forges that show them in a diff.

use crate::cli::terminal::visible;
use crate::definition::{Fault, Severity};
use litemap::LiteMap;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// The pages that explain each diagnostic: `## CODE: TITLE`, then text.
const PAGES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diagnostics.md"));

/// Where they are on the web.
const ADDRESS: &str = "https://github.com/sixtree/sixtree/blob/main/docs/diagnostics.md";

/// A way to print faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As a compiler does: with the line at fault.
    Human,
    /// One JSON document.
    Json,
    /// Workflow commands of GitHub Actions, which shows them beside the lines.
    Github,
    /// SARIF 2.1.0, which forges and editors read.
    Sarif,
}

impl Format {
    /// The format of this name; for people, if there is none.
    pub fn of(name: &str) -> Self {
        match name {
            "json" => Self::Json,
            "github" => Self::Github,
            "sarif" => Self::Sarif,
            _ => Self::Human,
        }
    }

    /// All of the faults.
    pub fn report(self, faults: &[Fault]) -> String {
        match self {
            Self::Human => human(faults),
            Self::Json => lines(&json(faults)),
            Self::Github => faults.iter().map(github).collect(),
            Self::Sarif => lines(&sarif(faults)),
        }
    }
}

/// The page of a diagnostic.
pub fn explain(code: &str) -> Option<String> {
    let start = PAGES.find(&format!("\n## {}:", code.to_ascii_uppercase()))?;
    let page = PAGES.get(start + 1..)?;
    let end = page.get(1..)?.find("\n## ").map_or(page.len(), |end| end + 1);
    page.get(..end).map(str::to_owned)
}

fn human(faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        text += &paragraph(fault);
        text.push('\n');
    }
    text += &match tally(faults) {
        (0, 0) => "nothing is wrong\n".to_owned(),
        (errors, warnings) => {
            format!("{}, {}\n", count(errors, "error"), count(warnings, "warning"))
        }
    };
    text
}

/// One fault, as a compiler shows it.
fn paragraph(fault: &Fault) -> String {
    let quoted = quote(&fault.file, fault.line);
    let margin = " ".repeat(fault.line.to_string().len());
    let mut text = format!("{}[{}]: {}\n", level(fault), fault.code, sentence(fault));
    text.push_str(&format!("{margin}--> {}{}\n", fault.file.display(), line(fault)));
    if let Some(quoted) = quoted {
        text.push_str(&format!("{margin} |\n{} | {quoted}\n{margin} |\n", fault.line));
    }
    text.push_str(&format!("{margin} = help: {}\n", fault.remedy));
    text
}

/// A line of a file, as it can be shown.
fn quote(file: &Path, line: u32) -> Option<String> {
    const LONGEST: usize = 120;
    let text = super::text_of(file)?;
    let quoted = text.split(|&b| b == b'\n').nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let quoted = String::from_utf8_lossy(quoted);
    let shown: String = quoted.chars().take(LONGEST).collect();
    Some(visible(&shown.replace('\t', " ")).into_owned())
}

/// `service NAME: WHAT`.
fn sentence(fault: &Fault) -> String {
    match &fault.service {
        Some(service) => format!("service {}: {}", service.escape_debug(), fault.what),
        None => fault.what.clone(),
    }
}

fn level(fault: &Fault) -> &'static str {
    match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn line(fault: &Fault) -> String {
    if fault.line > 0 { format!(":{}", fault.line) } else { String::new() }
}

/// How many errors and warnings there are.
fn tally(faults: &[Fault]) -> (usize, usize) {
    let errors = faults.iter().filter(|fault| fault.is_error()).count();
    (errors, faults.len() - errors)
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn json(faults: &[Fault]) -> Value {
    let one = |fault: &Fault| {
        json!({
            "code": fault.code,
            "severity": level(fault),
            "service": fault.service,
            "file": fault.file.to_string_lossy(),
            "line": (fault.line > 0).then_some(fault.line),
            "what": fault.what,
            "help": fault.remedy,
        })
    };
    let (errors, warnings) = tally(faults);
    let all: Vec<Value> = faults.iter().map(one).collect();
    json!({ "diagnostics": all, "errors": errors, "warnings": warnings })
}

fn lines(value: &Value) -> String {
    format!("{value:#}\n")
}

/// `::error file=F,line=N,title=CODE::MESSAGE`.
fn github(fault: &Fault) -> String {
    let message = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{} file={},line={},title={}::{}; {}\n",
        level(fault),
        property(&fault.file.to_string_lossy()),
        fault.line.max(1),
        fault.code,
        message(&sentence(fault)),
        message(&fault.remedy),
    )
}

fn sarif(faults: &[Fault]) -> Value {
    let rules: LiteMap<&str, Value> = faults.iter().map(|f| (f.code, rule(f.code))).collect();
    let results: Vec<Value> = faults.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "sixtree",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://github.com/sixtree/sixtree",
                "rules": rules.into_iter().map(|(_, rule)| rule).collect::<Vec<Value>>(),
            }},
            "results": results,
        }],
    })
}

fn rule(code: &str) -> Value {
    // Every code has a page that begins with `CODE: TITLE`: a test compares them.
    let page = explain(code).unwrap_or_default();
    let title = page.lines().next().and_then(|line| line.split_once(": ")).unwrap_or_default().1;
    json!({
        "id": code,
        "shortDescription": { "text": title },
        "helpUri": format!("{ADDRESS}#{}", anchor(code, title)),
    })
}

/// The anchor that a forge gives to a heading.
fn anchor(code: &str, title: &str) -> String {
    let heading = format!("{code} {title}").to_ascii_lowercase().replace(' ', "-");
    heading.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

fn result(fault: &Fault) -> Value {
    json!({
        "ruleId": fault.code,
        "level": level(fault),
        "message": { "text": format!("{}; {}", sentence(fault), fault.remedy) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&fault.file) },
            "region": { "startLine": fault.line.max(1) },
        }}],
    })
}

/// A path as a URI reference: every byte that means something in one is escaped.
fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u32) -> Fault {
        Fault {
            code: "E103",
            severity: Severity::Error,
            exit_code: 1,
            service: Some("my web".into()),
            file: "a,b/my web".into(),
            line,
            what: "100%\nwrong".into(),
            remedy: "mend it".into(),
        }
    }

    #[test]
    fn github_gets_no_stray_separator() {
        let expected = "::error file=a%2Cb/my web,line=1,title=E103::\
            service my web: 100%25%0Awrong; mend it\n";
        assert_eq!(Format::Github.report(&[fault(0)]), expected);
    }

    #[test]
    fn sarif_has_a_rule_for_every_result() {
        let report = sarif(&[fault(2), fault(3)]);
        let run = &report["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1));
        let location = &run["results"][1]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%2Cb/my%20web");
        assert_eq!(location["region"]["startLine"], 3);
    }

    #[test]
    fn every_page_can_be_had() {
        let page = explain("e103").unwrap();
        assert!(page.starts_with("## E103: ") && !page.contains("## E104"), "{page}");
        assert_eq!(explain("E999"), None);
        assert_eq!(explain(""), None);
    }
}
