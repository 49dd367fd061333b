//! Finds the programs that an execline command line runs: the first word, the programs that
//! chain-loading programs execute next, and those in their blocks. Nothing is run, and words that
//! are substituted at run time stay unknown.

use super::block::{self, Mark};
use super::lexer;

/// A chain-loading program: it becomes the program that its last arguments name.
struct Chain {
    name: &'static str,
    /// The letters of its options that take an argument.
    valued: &'static str,
    /// How many arguments precede the next program; a block counts as one.
    arguments: usize,
    /// Whether its blocks are command lines.
    runs_blocks: bool,
}

const fn runs(name: &'static str, valued: &'static str, arguments: usize) -> Chain {
    Chain { name, valued, arguments, runs_blocks: true }
}

const fn lists(name: &'static str, valued: &'static str, arguments: usize) -> Chain {
    Chain { name, valued, arguments, runs_blocks: false }
}

/// The common chain-loading programs. What follows any other program is taken for its arguments.
const CHAINS: &[Chain] = &[
    runs("background", "", 1),
    runs("backtick", "D", 2),
    lists("cd", "", 1),
    lists("define", "d", 2),
    lists("elgetopt", "", 1),
    lists("elgetpositionals", "P", 0),
    lists("elglob", "", 2),
    lists("emptyenv", "", 0),
    lists("envfile", "", 1),
    lists("exec", "a", 0),
    lists("execline-cd", "", 1),
    lists("execline-umask", "", 1),
    lists("export", "", 2),
    lists("fdblock", "", 1),
    lists("fdclose", "", 1),
    lists("fdmove", "", 2),
    lists("fdreserve", "", 1),
    lists("fdswap", "", 2),
    runs("forbacktickx", "oxd", 2),
    runs("foreground", "", 1),
    lists("forstdin", "oxd", 1),
    lists("forx", "ox", 2),
    lists("getcwd", "", 1),
    lists("getpid", "", 1),
    lists("heredoc", "", 2),
    runs("if", "x", 1),
    runs("ifelse", "", 2),
    runs("ifte", "", 2),
    runs("ifthenelse", "", 3),
    lists("importas", "Dd", 2),
    lists("loopwhilex", "x", 0),
    lists("multidefine", "d", 2),
    lists("multisubstitute", "", 1),
    lists("nice", "n", 0),
    runs("pipeline", "", 1),
    lists("piperw", "", 2),
    lists("posix-cd", "", 1),
    lists("posix-umask", "", 1),
    lists("redirfd", "", 2),
    lists("s6-applyuidgid", "ugG", 0),
    lists("s6-envdir", "c", 1),
    lists("s6-envuidgid", "D", 1),
    lists("s6-fghack", "", 0),
    lists("s6-nice", "n", 0),
    lists("s6-notifyoncheck", "3sTtwnc", 0),
    lists("s6-permafailon", "", 3),
    lists("s6-setlock", "t", 1),
    lists("s6-setsid", "", 0),
    lists("s6-setuidgid", "", 1),
    lists("s6-softlimit", "aicdflmnopqrstv", 0),
    runs("tryexec", "", 1),
    lists("umask", "", 1),
    lists("unexport", "", 1),
    lists("with-contenv", "", 0),
    lists("withstdinas", "", 1),
];

/// Programs that run what their arguments name, but not as chain-loading programs do.
const WRAPPERS: &[&str] = &[
    "catatonit",
    "chpst",
    "chroot",
    "chrt",
    "dbus-run-session",
    "doas",
    "dumb-init",
    "env",
    "flock",
    "gosu",
    "ionice",
    "nohup",
    "numactl",
    "runuser",
    "setpriv",
    "setsid",
    "stdbuf",
    "strace",
    "su",
    "su-exec",
    "sudo",
    "taskset",
    "time",
    "timeout",
    "tini",
    "unshare",
    "xargs",
    "xvfb-run",
];

/// A program that a command line runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProgram {
    /// How the line names it.
    pub name: String,
    /// The line of the script, from 1.
    pub line: u32,
}

/// What a script runs.
#[derive(Debug, Default)]
pub struct Programs {
    /// All programs, as far as they can be found.
    pub all: Vec<ScriptProgram>,
    /// The words that begin a line after the last program, among whose arguments they are.
    pub strayed: Vec<ScriptProgram>,
}

impl Programs {
    /// What an execline script runs; nothing, if it is none.
    pub fn of(script: &[u8]) -> Self {
        let Ok(words) = lexer::words(script) else { return Self::default() };
        let lines = WordLines::of(script, words.len());
        let words = texts(&words);
        let mut programs = Self::default();
        if let Some(last) = programs.follow(&words, 0, &lines) {
            let starts = lines.starts.iter().filter(|(word, _)| *word > last);
            let stray = |(word, line): &(usize, u32)| {
                Some(ScriptProgram { name: words.get(*word)?.clone(), line: *line })
            };
            programs.strayed = starts.filter_map(stray).collect();
        }
        programs
    }

    /// What a command line runs, whose lines are not known any more.
    pub fn of_words(words: &[Vec<u8>]) -> Self {
        let mut programs = Self::default();
        programs.follow(&texts(words), 0, &WordLines { starts: Vec::new() });
        programs
    }

    /// Follows a command line whose first word is the `first` of the script's. The place of the
    /// program at its end, if its arguments are not programs themselves.
    fn follow(&mut self, words: &[String], first: usize, lines: &WordLines) -> Option<usize> {
        let mut at = 0;
        loop {
            let name = words.get(at)?;
            self.all.push(ScriptProgram { name: name.clone(), line: lines.of_word(first + at) });
            let base = name.rsplit('/').next().unwrap_or(name);
            let Some(chain) = CHAINS.iter().find(|chain| chain.name == base) else {
                let is_last = !WRAPPERS.contains(&base) && !name.contains('$');
                return is_last.then_some(first + at);
            };
            at = self.skip(chain, words, at + 1, first, lines);
        }
    }

    /// Where the next program is, after the options and arguments of one.
    fn skip(
        &mut self,
        chain: &Chain,
        words: &[String],
        mut at: usize,
        first: usize,
        lines: &WordLines,
    ) -> usize {
        let mut arguments = chain.arguments;
        while let Some(option) = words.get(at).and_then(|word| word.strip_prefix('-')) {
            at += 1;
            if option == "-" {
                break;
            }
            let valued = option.find(|letter| chain.valued.contains(letter));
            at += usize::from(valued.is_some_and(|place| place + 1 == option.len()));
            // One word stands for both.
            arguments -= usize::from(chain.name == "importas" && option.contains('S'));
        }
        for _ in 0..arguments {
            let begin = at;
            let mut block = Vec::new();
            while let Some(Mark::Quoted(word)) = words.get(at).map(|w| block::mark(w.as_bytes())) {
                block.push(String::from_utf8_lossy(word).into_owned());
                at += 1;
            }
            // The empty word that ends it, or an argument that is no block.
            at += 1;
            if chain.runs_blocks {
                self.follow(&block, first + begin, lines);
            }
        }
        at
    }
}

fn texts(words: &[Vec<u8>]) -> Vec<String> {
    words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// On which lines the words of a script stand.
struct WordLines {
    /// The first word of each line that begins outside of quotes and blocks, and the line.
    starts: Vec<(usize, u32)>,
}

impl WordLines {
    /// The lines of a longer script are not distinguished.
    const MOST: usize = 500;

    fn of(script: &[u8], count: usize) -> Self {
        let mut starts = Vec::new();
        let (mut end, mut known, mut begin) = (0, 0, None);
        let lines = script.split_inclusive(|&b| b == b'\n');
        for (number, line) in (1..).zip(lines.take(Self::MOST)) {
            end += line.len();
            let is_blank = line.trim_ascii().is_empty() || line.trim_ascii().starts_with(b"#");
            begin = begin.or((!is_blank).then_some(number));
            // A line that goes on has no end that is the lexer's.
            let goes_on = line.strip_suffix(b"\n").unwrap_or(line).ends_with(b"\\");
            if let Ok(words) = lexer::words(&script[..end])
                && !goes_on
                && let Some(line) = begin.take()
                && words.len() > known
            {
                starts.push((known, line));
                known = words.len();
            }
        }
        starts.retain(|(word, _)| *word < count);
        Self { starts }
    }

    fn of_word(&self, word: usize) -> u32 {
        self.starts.iter().take_while(|(first, _)| *first <= word).last().map_or(1, |s| s.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(script: &str) -> String {
        let programs = Programs::of(script.as_bytes());
        let shown = |p: &ScriptProgram| format!("{}:{}", p.name, p.line);
        let all: Vec<_> = programs.all.iter().map(shown).collect();
        let strayed: Vec<_> = programs.strayed.iter().map(shown).collect();
        format!("{} | {}", all.join(" "), strayed.join(" "))
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let script = "#!/command/execlineb -P\nwith-contenv\ns6-setuidgid app\n\
                      fdmove -c 2 1\nredirfd -w 1 log\nngnix -g \"daemon off;\"\n";
        let programs = "with-contenv:2 s6-setuidgid:3 fdmove:4 redirfd:5 ngnix:6 | ";
        assert_eq!(all(script), programs);
        let importas = "importas -S A importas -D x B C s6-softlimit -o 10 -m20 exec -a b prog";
        let programs = "importas:1 importas:1 s6-softlimit:1 exec:1 prog:1 | ";
        assert_eq!(all(importas), programs);
        assert_eq!(all("exec -- prog"), "exec:1 prog:1 | ");
        let nobody = "s6-envuidgid -D 65534:65534 nobody\ns6-chown -U /var/log/web\n";
        assert_eq!(all(nobody), "s6-envuidgid:1 s6-chown:2 | ");
    }

    #[test]
    fn blocks_are_command_lines_or_lists() {
        let script =
            "foreground\n{\n  mkdir -p /x\n}\nifelse { test -e a } { b c } forx i { p q } d";
        let programs = "foreground:1 mkdir:2 ifelse:5 test:5 b:5 forx:5 d:5 | ";
        assert_eq!(all(script), programs);
        assert_eq!(
            all("multisubstitute\n{\n importas -i A B\n}\nprog"),
            "multisubstitute:1 prog:5 | "
        );
        assert_eq!(all("if { a"), " | ", "it is none");
        assert_eq!(all("foreground"), "foreground:1 | ");
    }

    #[test]
    fn what_begins_a_line_after_the_last_program_has_strayed() {
        assert_eq!(all("mkdir -p /x\nphp a b\n"), "mkdir:1 | php:2");
        assert_eq!(all("mkdir -p \\\n /x\n# done\n\nphp a b\n"), "mkdir:1 | php:5");
        assert_eq!(all("foreground { a }\nb\n\nc d"), "foreground:1 a:1 b:2 | c:4");
        assert_eq!(all("su-exec app\nphp a b\n"), "su-exec:1 | ", "that is its argument");
        assert_eq!(all("sh -c \"a\nb\nc\"\n"), "sh:1 | ");
    }
}
