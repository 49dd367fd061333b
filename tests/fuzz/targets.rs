//! What is fuzzed, and what must hold besides that it does not panic.

use crate::{Outcome, Target, control, outcome, tree};
use sixtree::cli::import;
use sixtree::definition::{Mistake, compiled, database, parse};
use sixtree::execline::substitute::{Definitions, Transform};
use sixtree::execline::{envfile, expression, lexer, netstring, quote};
use sixtree::format::request::{Answer, Malformed, Request};
use sixtree::format::status::Status;
use sixtree::format::{fstab, signal, tally};
use sixtree::tools::net::address;
use sixtree::tools::net::dns::message::{Answer as DnsAnswer, Question};
use sixtree::tools::net::dns::name::Name;
use sixtree::tools::net::dns::record::{TYPES, type_name};
use sixtree::tools::net::dns::{dump, hosts};
use sixtree::tools::s6::log::script;
use std::mem::{Discriminant, discriminant};

type Word = Vec<u8>;

/// Makes a test of each target.
macro_rules! targets {
    ($($test:ident: $name:literal, $run:path, $tokens:expr;)*) => { $(
        #[test]
        fn $test() {
            Target { name: $name, run: $run, tokens: $tokens }.fuzz();
        }
    )* };
}

targets! {
    lexer: "lexer", lex, &[" { ", " } ", "\"", "\\\n", "\\0x", "\\07", "# ", "}", "{", "${x}"];
    substituter: "substituter", substitute, &["$", "${x}", "\\$", "{", "}", "x=", "=", "\n", "0:,"];
    s6_log: "s6-log", log, &["\n", "n", "s4096", "l", "+^", "-", "./", "=", "!", "?", "t", "T"];
    definition: "definition", define, &["{", "[", "}", "]", "\"a\":", "1", ",", "\n", "null", "-1"];
    check: "tree", tree::check, tree::TOKENS;
    imports: "import", import_text,
        &["\n", "[program:a]\n", "command=", "%(ENV_A)s", "\"", "a: ", "$PORT"];
    requests: "request", request, &["{", "}", "[", "]", "\"", "true", "null", "-1", "1e9", "\\u"];
    dns_answers: "dns", dns, &["\u{3}two", "\0\u{1}\0\u{1}", "\0\u{4}", "\0\u{10}", "?"];
    hosts_files: "hosts", hosts_file, &["\n", "192.0.2.1 ", "::1 ", "fe80::1%eth0", " a", ".", "#"];
    formats: "formats", format,
        &["\"", "\\x", "=", "( ", " )", "-a ", "! ", "4294967296", ":", ","];
}

#[test]
fn clients() {
    let _running = control::Running::start();
    Target { name: "control", run: control::serve, tokens: control::TOKENS }.fuzz();
}

/// Words with the same blocks come from what they are written as.
fn lex(text: &[u8]) -> Outcome {
    let words = match lexer::words(text) {
        Ok(words) => words,
        Err(error) => return outcome(discriminant(&error)),
    };
    let written: Vec<_> = words.iter().map(|word| quote::quote(word)).collect();
    assert_eq!(lexer::words(&written.join(&b' ')).as_ref(), Ok(&words));
    let depths = words.iter().map(|word| word.iter().take_while(|b| **b == b' ').count());
    outcome((words.len().min(9), depths.max().map(|depth| depth.min(9)), text.len().min(9)))
}

/// The first line says how values are made from strings: by its letters s, C, n, and all its bytes
/// are delimiters. `key=string` defines, other lines are words.
fn substitute(text: &[u8]) -> Outcome {
    let mut lines = text.split(|&b| b == b'\n');
    let how = lines.next().unwrap_or_default();
    let transform = Transform {
        split: how.contains(&b's'),
        crunch: how.contains(&b'C'),
        chomp: how.contains(&b'n'),
        delimiters: how.iter().copied().filter(|b| !b.is_ascii_alphabetic()).collect(),
    };
    let mut definitions = Definitions::default();
    let (mut words, mut values, mut refused) = (Vec::<Word>::new(), Vec::new(), 0);
    for line in lines.take(16) {
        let Some(equals) = line.iter().position(|&b| b == b'=') else {
            // Each reference multiplies.
            let few = line.iter().filter(|b| **b == b'$').count() <= 5;
            words.extend(few.then(|| line.to_vec()));
            continue;
        };
        let mut value = transform.apply(&line[equals + 1..]).unwrap_or_default();
        value.truncate(4);
        values.push(value.len());
        refused += usize::from(definitions.define(line[..equals].to_vec(), value).is_err());
    }
    let known = Definitions::default().substitute(&words);
    assert_eq!(known, words);
    let made = definitions.substitute(&words);
    let sizes = (values.iter().max(), values.iter().min(), words.len().min(3), made.len().min(9));
    outcome((sizes, refused.min(2), made == words))
}

/// A directive a line.
fn log(text: &[u8]) -> Outcome {
    let words: Vec<Word> = text.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    match script::parse(&words, |pattern| Some(pattern.to_vec())) {
        Ok(script) => {
            let rules = script.steps.iter().map(|step| step.rules.len().min(3)).max();
            let actions = script.steps.iter().map(|step| step.actions.len().min(3)).max();
            let logdir = |s: &script::Settings| (s.period.is_some(), s.processor.is_some());
            let logdir = script.logdirs.last().map(logdir);
            for settings in &script.logdirs {
                assert!((4096..=268_435_455).contains(&settings.file_size));
            }
            outcome((rules, actions, logdir, script.has_extra))
        }
        Err(error) => outcome((discriminant(&error), words.len().min(9))),
    }
}

/// The text as each of the small files, and as a compiled database, which survives a copy.
fn define(text: &[u8]) -> Outcome {
    let definitions = database::decode(text).ok();
    if let Some(definitions) = &definitions {
        let copy = database::decode(&compiled::encode(definitions.iter())).unwrap();
        assert_eq!(&copy, definitions);
    }
    let fault = |fault: Mistake| outcome(discriminant(&fault));
    outcome((
        parse::kind(text).map(|kind| kind as u8).map_err(fault),
        parse::timeout(text).is_ok(),
        parse::number(text).is_ok(),
        parse::script(text).map(|words| words.len().min(9)).map_err(fault),
        parse::name(text).map(drop).map_err(fault),
        parse::names(text).count().min(9),
        definitions
            .map(|definitions| definitions.iter().map(|d| d.kind.name()).collect::<Vec<_>>()),
    ))
}

/// The text as a supervisord.conf and as a Procfile.
fn import_text(text: &[u8]) -> Outcome {
    // Neither is read otherwise.
    let text = String::from_utf8_lossy(text).replace('\0', "");
    let results = [false, true].map(|is_procfile| import::attempt(&text, is_procfile));
    let errors = |notes: &str| notes.matches(": error: ").count().min(9);
    let results =
        results.map(|(services, notes)| (services.min(9), errors(&notes), notes.lines().count()));
    outcome(results.map(|(services, errors, notes)| (services, errors, notes.min(9))))
}

/// Which fault, and what it is called.
pub(crate) fn fault(fault: Malformed) -> (Discriminant<Malformed>, Option<String>) {
    let kind = discriminant(&fault);
    let text = match fault {
        // Without the place, and without what is quoted of the input.
        Malformed::Invalid(text) => {
            text.split(" at line ").next().map(|text| text.split(['`', '"']).step_by(2).collect())
        }
        _ => None,
    };
    (kind, text)
}

/// What a client sends and what it is answered, which survive a copy.
fn request(text: &[u8]) -> Outcome {
    let request = Request::decode(text);
    if let Ok(request) = &request {
        assert_eq!(Request::decode(&request.encode()).as_ref(), Ok(request));
    }
    let answer = Answer::decode(text);
    if let Ok(answer) = &answer {
        assert_eq!(Answer::decode(&answer.encode()).as_ref(), Ok(answer));
    }
    let request = request.map(|request| discriminant(&request));
    let answer = answer.map(|answer| discriminant(&answer));
    outcome((request.map_err(fault), answer.map_err(fault)))
}

/// What a DNS server answers: it must not forge a line of what is printed.
fn dns(packet: &[u8]) -> Outcome {
    let mut out = Vec::new();
    let dumped = dump::dump(packet, true, &mut out).is_ok();
    assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{out:?}");
    let answer = DnsAnswer::new(packet.to_vec());
    let records = |rtype| {
        let records = answer.records(rtype);
        for record in records.iter().flatten() {
            assert!(record.text().iter().all(|byte| matches!(byte, b' '..=b'~')), "{record:?}");
        }
        records.map(|records| records.len().min(3)).ok()
    };
    let found: Vec<_> = TYPES.iter().map(|(_, rtype)| records(*rtype)).collect();
    let name = Name::parse(b"one.test").unwrap();
    let mut question = Question::new(&name, TYPES[0].1, true);
    question.set_id([0, 0]);
    let answers = question.is_answered_by(packet);
    let types = TYPES.iter().filter(|(_, rtype)| {
        let name = format!(" {} ", type_name(*rtype));
        out.windows(name.len()).any(|part| part == name.as_bytes())
    });
    outcome((dumped, found, answers.ok(), types.count(), answer.is_truncated()))
}

/// A hosts file, and each line of it as a list of addresses.
fn hosts_file(text: &[u8]) -> Outcome {
    let compiled = hosts::compile(text);
    let lists = text.split(|&b| b == b'\n').map(|line| address::list(line).len().min(3));
    outcome((compiled.map(|file| file.len().min(4000)).map_err(|e| discriminant(&e)), lists.max()))
}

/// Whatever else is read.
fn format(text: &[u8]) -> Outcome {
    let words: Vec<Word> = text.split(|&b| b == b' ').map(<[u8]>::to_vec).collect();
    outcome((
        envfile::variables(text).map(|all| all.len()).map_err(|bad| bad.line.min(9)),
        expression::parse(&words).map(drop).map_err(|error| discriminant(&error)),
        netstring::words(text).map(|words| words.len().min(9)),
        fstab::entries(text).map(|entry| entry.each_option().count().min(3)).max(),
        signal::parse(text),
        Status::decode(text).is_some(),
        tally::decode(text).len().min(9),
    ))
}
