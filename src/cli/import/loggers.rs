//! Log files that are rotated: a logger for each, whoever writes to it.

use super::ImportedFile;
use super::naming::NamedProgram;
use super::note::Notes;
use super::program::{Output, RotatedLog};
use super::script::GeneratedScript;
use super::tree::{ImportedService, ImportedTree, Start};

/// A logger.
pub(super) struct Logger {
    name: String,
    log: RotatedLog,
    /// The services whose stdout or stderr it writes.
    producers: Vec<String>,
    /// Some write to it with their stderr, for which there are no pipelines.
    has_fifo: bool,
}

/// s6-log's limits for the size of a file.
const SIZES: (u64, u64) = (4096, 268_435_455);

/// So long a logger may take to end.
const PATIENCE_MS: u32 = 5000;

/// The loggers that the programs need.
pub(super) fn loggers(all: &[NamedProgram]) -> Vec<Logger> {
    let mut loggers: Vec<Logger> = Vec::new();
    for named in all {
        let program = named.program;
        for (output, suffix) in [(&program.stdout, "log"), (&program.stderr, "stderr-log")] {
            let Output::Log(log) = output else { continue };
            let is_stderr = std::ptr::eq(output, &program.stderr);
            if let Some(known) = loggers.iter_mut().find(|known| known.log.file == log.file) {
                known.has_fifo |= is_stderr;
                if !known.producers.contains(&named.name) {
                    known.producers.push(named.name.clone());
                }
                continue;
            }
            let mut name = format!("{}-{suffix}", named.name);
            while all.iter().any(|other| other.name == name)
                || loggers.iter().any(|other| other.name == name)
            {
                name.push_str("-2");
            }
            let producers = vec![named.name.clone()];
            loggers.push(Logger { name, log: log.clone(), producers, has_fifo: is_stderr });
        }
    }
    loggers
}

impl Logger {
    /// The FIFO that leads to it; `None`: it does not write this log, or reads a pipeline.
    pub(super) fn fifo_of(&self, place: &ImportedFile, log: &RotatedLog) -> Option<String> {
        let is_it = self.has_fifo && self.log.file == log.file;
        is_it.then(|| format!("{}/fifo", self.directory(place)))
    }

    /// s6-log writes into a directory. It is beside the file, which leads into it.
    fn directory(&self, place: &ImportedFile) -> String {
        format!("{}.d", place.absolute(&self.log.file))
    }

    /// Adds it, and what connects it with those who write to it.
    pub(super) fn add(&self, place: &ImportedFile, tree: &mut ImportedTree, notes: &mut Notes) {
        let start = Start::Others;
        let mut logger =
            ImportedService { name: self.name.clone(), start, ..ImportedService::default() };
        logger.run = self.run(place, notes);
        logger.file("notification-fd", 3);
        logger.file("timeout-kill", PATIENCE_MS);
        for producer in &self.producers {
            let Some(service) = tree.find(producer) else { continue };
            if self.has_fifo {
                service.needs.push(self.name.clone());
            } else {
                service.file("producer-for", &self.name);
                logger.file("consumer-for", producer);
            }
        }
        tree.services.push(logger);
    }

    fn run(&self, place: &ImportedFile, notes: &mut Notes) -> GeneratedScript {
        let file = place.absolute(&self.log.file);
        let directory = self.directory(place);
        let base = file.rsplit('/').next().unwrap_or_default();
        let size = self.log.bytes.clamp(SIZES.0, SIZES.1);
        if size != self.log.bytes {
            let what = format!("files of {} bytes have no equivalent", self.log.bytes);
            notes.differs(&self.log.at, what, format!("they are rotated at {size}"));
        }
        let mut run = GeneratedScript::default();
        run.line(&["if", "{", "s6-mkdir", "-p", &directory, "}"]);
        // A log of before, in a volume perhaps, is not lost to the link.
        let is_older = ["ifelse", "{", "eltest", "-f", &file, "-a", "!", "-L", &file, "}"];
        let keep = ["{", "s6-rename", &file, &format!("{directory}/before"), "}", "exit", "}"];
        run.line(&[&["if", "{"], &is_older[..], &keep[..]].concat());
        run.line(&["if", "{", "s6-ln", "-s", "-f", "-n", &format!("{base}.d/current"), &file, "}"]);
        if self.has_fifo {
            let fifo = format!("{directory}/fifo");
            let is_there = ["ifelse", "{", "eltest", "-p", &fifo, "}", "{", "exit", "}"];
            let make = ["s6-mkfifo", "-m", "0600", &fifo, "}"];
            run.line(&[&["if", "{"], &is_there[..], &make[..]].concat());
            // Open for both: it does not end when those who write do.
            run.line(&["redirfd", "-u", "0", &fifo]);
        }
        let (backups, size) = (format!("n{}", self.log.backups), format!("s{size}"));
        run.line(&["s6-log", "-d", "3", &backups, &size, &directory]);
        run
    }
}
