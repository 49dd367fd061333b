//! s6-tlsclient and s6-tlsserver: a connection, or a server, with TLS in one command. They become
//! the tools that do the parts of it.
//! References: <https://skarnet.org/software/s6-networking/s6-tlsclient.html>,
//! <https://skarnet.org/software/s6-networking/s6-tlsserver.html>.

use crate::conduct::{self, NO_VERIFY};
use crate::server::Names;
use sixtree::sys::exec;
use sixtree::tools::{Exit, Next, Options, Process, Word};
use std::net::IpAddr;

const CLIENT: &[(&str, char)] = &[
    ("quiet", 'q'),
    ("normally-verbose", 'Q'),
    ("verbose", 'v'),
    ("ipv4", '4'),
    ("ipv6", '6'),
    ("nagle", 'd'),
    ("no-nagle", 'D'),
    ("dns", DNS),
    ("no-dns", 'H'),
    ("no-hosts", NO_HOSTS),
    ("hosts", 'h'),
    ("no-ident", 'R'),
    ("ident", 'r'),
    ("no-qualify", 'N'),
    ("qualify", 'n'),
    ("timeout", 't'),
    ("local-name", 'l'),
    ("connection-timeouts", 'T'),
    ("local-ip", 'i'),
    ("local-port", 'p'),
    ("no-close-notify", 's'),
    ("close-notify", 'S'),
    ("no-enforce-close-notify", 'j'),
    ("enforce-close-notify", 'J'),
    ("no-keep", 'z'),
    ("keep", 'Z'),
    ("handshake-timeout", 'K'),
];

const SERVER: &[(&str, char)] = &[
    ("quiet", 'q'),
    ("normally-verbose", 'Q'),
    ("verbose", 'v'),
    ("notify", '1'),
    ("proxy", 'L'),
    ("envuidgid", 'U'),
    ("no-strict-resolution", 'W'),
    ("strict-resolution", 'w'),
    ("nagle", 'd'),
    ("no-nagle", 'D'),
    ("dns", DNS),
    ("no-dns", 'H'),
    ("no-hosts", NO_HOSTS),
    ("hosts", 'h'),
    ("no-ident", 'R'),
    ("ident", 'r'),
    ("no-paranoid", 'P'),
    ("paranoid", 'p'),
    ("no-close-notify", 's'),
    ("close-notify", 'S'),
    ("no-enforce-close-notify", 'j'),
    ("enforce-close-notify", 'J'),
    ("no-keep", 'z'),
    ("keep", 'Z'),
    ("global-max-connections", 'c'),
    ("local-max-connections", 'C'),
    ("backlog", 'b'),
    ("gidlist", 'G'),
    ("gid", 'g'),
    ("uid", 'u'),
    ("local-name", 'l'),
    ("banner", 'B'),
    ("timeout", 't'),
    ("rules-directory", 'i'),
    ("rules-file", 'x'),
    ("handshake-timeout", 'K'),
];

/// `--dns`, which has no letter of its own.
const DNS: char = '=';
/// `--no-hosts`.
const NO_HOSTS: char = '#';

/// `s6-tlsclient [ options of s6-tcpclient and s6-tlsc ] host port prog...`
pub(crate) fn s6_tlsclient(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    const SPEC: &str = "qQv46dDHhRrNnsSjJYyzZt:l:T:i:p:K:k:";
    let long = [CLIENT, conduct::CLIENT].concat();
    let options = Options::parse_long(process, argv, SPEC, &long)?;
    for letter in ['t', 'p', 'K'] {
        options.number::<u32>(process, letter, 0)?;
    }
    let mut line = CommandLine { options: &options, words: Vec::new() };
    line.tool("s6-tcpclient");
    // Differs: -n makes names that are not qualified so, as documented.
    line.last(&["qv", "D", "H", "h", "r", "n"], &["Q", "d", "=", "#", "R", "N"]);
    line.each("46");
    line.values("tlTip");
    line.words.push(b"--".to_vec());
    let ([host, port], program) = process.operands(options.words().iter().cloned())?;
    let is_name =
        |host: &[u8]| std::str::from_utf8(host).is_ok_and(|host| host.parse::<IpAddr>().is_err());
    let servername = match options.value('k') {
        None if !line.is_set('H', DNS) && is_name(&host) => Some(host.clone()),
        given => given.map(<[u8]>::to_vec),
    };
    line.words.extend([host, port]);
    line.tool("s6-tlsc");
    line.last(&["S", "J", "y", "Z"], &["s", "j", "Y", "z"]);
    if line.is_set(NO_VERIFY, conduct::VERIFY) {
        line.words.push(b"--no-verify-cert".to_vec());
    }
    line.values("K");
    line.words.extend(servername.into_iter().flat_map(|name| [b"-k".to_vec(), name]));
    line.words.push(b"--".to_vec());
    Ok(line.with(program))
}

/// `s6-tlsserver [ options of s6-tcpserver, s6-tcpserver-access and s6-tlsd ] ip port prog...`
pub(crate) fn s6_tlsserver(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    const SPEC: &str = "qQv1LUWwdDHhRrPpsSjJYyzZc:C:b:G:g:u:l:B:t:i:x:K:k:";
    let long = [SERVER, conduct::SERVER].concat();
    let options = Options::parse_long(process, argv, SPEC, &long)?;
    for letter in ['c', 'C', 'b', 'g', 'u', 't', 'K'] {
        options.number::<u32>(process, letter, 0)?;
    }
    let names = Names::from_options(process, &options)?;
    let ([ip, port], program) = process.operands(options.words().iter().cloned())?;
    let mut line = CommandLine { options: &options, words: Vec::new() };
    line.tool("s6-tcpserver");
    line.last(&["qv"], &["Q"]);
    line.each("1");
    line.values("cCb");
    line.words.extend([b"--".to_vec(), ip, port]);
    let looks_up = !line.is_set('H', DNS);
    let is_asked = ["Ww", "dD", "Rr", "Pp"].map(|pair| options.last_of(pair));
    let is_asked = is_asked.into_iter().flatten().any(|letter| "wDrp".contains(letter));
    if looks_up || is_asked || options.iter().any(|(letter, _)| "lBtix".contains(letter)) {
        line.tool("s6-tcpserver-access");
        line.verbosity();
        line.last(&["w", "D", "H", "h", "r", "p"], &["W", "d", "=", "#", "R", "P"]);
        line.values("lBt");
        line.values(if options.has('i') { "i" } else { "x" });
        line.words.push(b"--".to_vec());
    }
    line.proxy("--before-tlsd");
    line.tool("s6-tlsd");
    line.verbosity();
    line.last(&["S", "J", "yY", "Z"], &["s", "j", "", "z"]);
    line.values("K");
    match names {
        Names::Ignored => {}
        Names::Preferred => line.words.push(b"--sni".to_vec()),
        Names::Required => line.words.push(b"--mandatory-sni".to_vec()),
    }
    line.words.push(b"--".to_vec());
    if options.iter().any(|(letter, _)| "GguU".contains(letter)) {
        line.tool("s6-applyuidgid");
        match options.has('U') {
            true => line.words.push(b"-Uz".to_vec()),
            false => line.values("Ggu"),
        }
        line.words.push(b"--".to_vec());
    }
    line.proxy("--after-tlsd");
    Ok(line.with(program))
}

/// A command line that is made of the options of another.
struct CommandLine<'a> {
    options: &'a Options,
    words: Vec<Word>,
}

impl CommandLine<'_> {
    /// The tool that is beside this one, or else wherever PATH leads.
    fn tool(&mut self, name: &str) {
        let file = exec::started_as();
        let folder = file.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
        let beside = [&file[..folder], name.as_bytes()].concat();
        let is_there = folder > 0 && exec::find(&beside, b"").is_ok();
        self.words.push(if is_there { beside } else { name.as_bytes().to_vec() });
    }

    /// Whether an option was given and not taken back.
    fn is_set(&self, letter: char, opposite: char) -> bool {
        self.options.last_of(&String::from_iter([letter, opposite])) == Some(letter)
    }

    /// Options of which the last one counts: those that are passed on, and their opposites.
    fn last(&mut self, passed: &[&str], opposites: &[&str]) {
        for (letters, opposite) in passed.iter().zip(opposites) {
            let last = self.options.last_of(&format!("{letters}{opposite}"));
            if let Some(letter) = last.filter(|letter| letters.contains(*letter)) {
                self.words.push(format!("-{letter}").into_bytes());
            }
        }
    }

    /// Options that stand for themselves.
    fn each(&mut self, letters: &str) {
        for letter in letters.chars().filter(|letter| self.options.has(*letter)) {
            self.words.push(format!("-{letter}").into_bytes());
        }
    }

    /// Options with values, of which the last counts.
    fn values(&mut self, letters: &str) {
        for letter in letters.chars() {
            if let Some(value) = self.options.value(letter) {
                self.words.extend([format!("-{letter}").into_bytes(), value.to_vec()]);
            }
        }
    }

    /// -q and -v as the tools have them that count.
    fn verbosity(&mut self) {
        match self.options.last_of("qQv") {
            Some('q') => self.words.push(b"-v0".to_vec()),
            Some('v') => self.words.push(b"-v2".to_vec()),
            _ => {}
        }
    }

    fn proxy(&mut self, when: &str) {
        if self.options.has('L') {
            self.tool("proxy-server");
            self.words.extend([when.as_bytes().to_vec(), b"--".to_vec()]);
        }
    }

    fn with(mut self, program: Vec<Word>) -> Next {
        self.words.extend(program);
        self.words.into()
    }
}
