//! Finds lines of scripts that work with other supervisors, or were meant for execline, and do not
//! do here what their authors expect.

use super::lint::Lint;

/// Words of programs and files by which scripts look for processes.
const FINDERS: [&str; 11] = [
    "cmdline",
    "killall",
    "pgrep",
    "pidof",
    "pkill",
    "pmap",
    "process_iter",
    "ps",
    "psutil",
    "pstree",
    "top",
];

/// Processes that the reference has, one for each service or one for all.
const SUPERVISORS: [&str; 2] = ["s6-supervise", "s6-svscan"];

/// Tools that become the program that follows their one argument.
const WRAPPERS: [&str; 3] = ["s6-envdir", "s6-envuidgid", "s6-setuidgid"];

/// How many lines a command that looks for processes may take.
const NEAR: usize = 2;

/// The lines, from 1, that look for the process of a supervisor.
pub(super) fn supervisors(text: &[u8]) -> Vec<(u32, Lint)> {
    // Patterns such as [s]6-supervise keep pgrep and grep from finding themselves.
    if ![&b"6-supervise"[..], b"6-svscan"].iter().any(|name| contains(text, name)) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(text).replace("[s]6-", "s6-");
    let lines: Vec<&str> = text.lines().map(without_comment).collect();
    let named = |line: &str| SUPERVISORS.into_iter().find(|name| has_word(line, name));
    let looks = |line: &&str| FINDERS.iter().any(|finder| has_word(line, finder));
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = named(line) else { continue };
        let near = lines.iter().skip(at.saturating_sub(NEAR)).take(2 * NEAR + 1);
        let is_one_command = looks(line) || (is_continued(&lines, at) && near.clone().any(looks));
        let is_kept_for_one = line.split(name).next().is_some_and(|before| before.contains('='))
            && lines.iter().any(looks);
        if is_one_command || is_kept_for_one {
            found.push(((at + 1) as u32, Lint::LooksForSupervisor(name)));
        }
    }
    found
}

/// The lines, from 1, of a shell script that hold one of the wrappers and no program for it.
pub(super) fn lone_wrappers(text: &[u8]) -> Vec<(u32, Lint)> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    let mut before = "";
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = without_comment(line).split_whitespace().collect();
        let words = words.strip_prefix(&["exec"]).unwrap_or(&words);
        // After a backslash it is but a part of a command.
        if let [tool, user] = words
            && !before.trim_end().ends_with('\\')
            && !user.starts_with(['-', '\\'])
            && !user.contains([';', '|', '&', '>', '<', ')'])
            && let Some(tool) = wrapper(tool)
        {
            let lint = Lint::LoneWrapper { tool, argument: (*user).to_owned() };
            found.push((number, lint));
        }
        before = line;
    }
    found
}

fn wrapper(word: &str) -> Option<&'static str> {
    let name = word.strip_prefix("/command/").unwrap_or(word);
    WRAPPERS.into_iter().find(|wrapper| *wrapper == name)
}

/// Whether a line is connected with one of its neighbours: a pipe or a backslash between them, or a
/// bracket that is open.
fn is_continued(lines: &[&str], at: usize) -> bool {
    let goes_on = |line: &&str| line.trim_end().ends_with(['\\', '|', '(', ',', '[']);
    let begins = |line: &&str| line.trim_start().starts_with(['|', '&', ')', '"', '\'']);
    let before = at.checked_sub(1).and_then(|at| lines.get(at));
    let (line, after) = (lines.get(at), lines.get(at + 1));
    before.is_some_and(goes_on)
        || line.is_some_and(|l| goes_on(l) || begins(l))
        || after.is_some_and(begins)
}

/// A line without what is a comment in shells, Python and execline.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.find(" #").and_then(|at| line.get(..at)).unwrap_or(line)
}

/// Whether a line has this as a word of its own: `s6-svscan` is not in `s6-svscanctl`.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<u32> {
        supervisors(text.as_bytes()).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn whoever_looks_for_a_supervisor_is_found() {
        for text in [
            "if pgrep -f \"s6-supervise svc-nginx\" >/dev/null; then",
            "ps aux | grep '[s]6-supervise nginx'",
            "what=\"s6-supervise $1\"\n\n\n\npgrep -f \"$what\"",
            "S=$(ps -q$(ps -cp $$ -o ppid=\"\") -o args= | grep -F s6-supervise | cut -d' ' -f2)",
            "ps aux \\\n  | grep s6-supervise",
            "ps aux |\n  grep s6-supervise",
            "subprocess.run([\"pgrep\", \"-f\", \"s6-supervise web\"])",
            "subprocess.run([\n    \"pgrep\",\n    \"s6-supervise\",\n])",
            "pidof s6-svscan || exit 1",
            "pkill -HUP s6-svscan",
            "grep -l s6-supervise /proc/[0-9]*/cmdline",
            "* * * * * pgrep -f 's6-supervise web' || reboot",
        ] {
            assert_eq!(lines(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn other_mentions_are_none() {
        for text in [
            "# pgrep -f s6-supervise",
            "echo s6-supervise",
            "pgrep nginx\nexec s6-supervise /svc",
            "pgrep x # not s6-supervise",
            "s6-svscanctl -t /run/service; ps",
            "ps aux | grep nginx\n\n\ns6-svscan /run/service",
        ] {
            assert_eq!(lines(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn a_wrapper_without_a_program_is_found() {
        let script = "#!/bin/sh\ns6-setuidgid www-data\nexec s6-setuidgid abc\n\
                      s6-setuidgid abc php\nexec \\\n  s6-setuidgid abc \\\n  php\n\
                      s6-setuidgid \\\n abc php\n/command/s6-envdir /run/env\n\
                      x | s6-setuidgid abc;\n";
        let found = lone_wrappers(script.as_bytes());
        let lines: Vec<u32> = found.into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2, 3, 10]);
    }
}
