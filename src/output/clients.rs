//! Those who ask for what is kept: `sixtree logs`. Each of them reads the memory itself, as far as
//! it has come; nothing waits for one that is slow, which then misses what has been written over.

use super::memory::MemoryPlace;
use crate::format::output::{KeptQuery, LogRecord};
use crate::format::request::Lines;
use crate::sys::{fd, socket};
use litemap::LiteMap;
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How many there can be.
const MOST: usize = 64;

/// How much is prepared for one in a go.
const BUFFER: usize = 256 << 10;

/// A service's name and what is kept of it.
pub(super) type Places = LiteMap<u32, (String, MemoryPlace)>;

/// Somebody who is connected.
#[derive(Debug)]
pub(super) struct LogClient {
    pub(super) socket: OwnedFd,
    lines: Lines,
    query: Option<KeptQuery>,
    /// How far it has come with each service.
    at: LiteMap<u32, u64>,
    /// It has got all that there was when it asked.
    has_caught_up: bool,
    unsent: Vec<u8>,
    is_over: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct LogClients {
    pub(super) all: LiteMap<u32, LogClient>,
    next: u32,
}

impl LogClients {
    /// Adds one; its number. `None`: there are too many.
    pub(super) fn add(&mut self, socket: OwnedFd) -> Option<u32> {
        if self.all.len() >= MOST {
            return None;
        }
        self.next += 1;
        let client = LogClient {
            socket,
            lines: Lines::default(),
            query: None,
            at: LiteMap::new(),
            has_caught_up: false,
            unsent: Vec::new(),
            is_over: false,
        };
        self.all.insert(self.next, client);
        Some(self.next)
    }

    /// Whether anybody waits for what is written.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Sends to each what there is for it, and lets those go who have left or have all.
    pub(super) fn serve(&mut self, places: &Places) {
        for (_, client) in &mut self.all {
            client.serve(places);
        }
        self.all.retain(|_, client| !client.is_over);
    }
}

impl LogClient {
    /// Whether it waits for room.
    pub(super) fn is_behind(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Reads what it asks for.
    pub(super) fn hear(&mut self, places: &Places) {
        let mut buffer = [0; 4096];
        match fd::read(self.socket.as_raw_fd(), &mut buffer) {
            Err(Errno::EAGAIN) => return,
            Ok(0) | Err(_) => return self.is_over = true,
            Ok(n) => self.lines.push(&buffer[..n]),
        }
        if self.query.is_some() {
            return;
        }
        match self.lines.take() {
            Ok(None) => {}
            Ok(Some(line)) => match KeptQuery::decode(&line) {
                Some(query) => {
                    self.begin(&query, places);
                    self.query = Some(query);
                }
                None => self.is_over = true,
            },
            Err(_) => self.is_over = true,
        }
    }

    /// Leaves out all but the last lines of each service.
    fn begin(&mut self, query: &KeptQuery, places: &Places) {
        let Some(most) = query.lines.map(|lines| lines as usize) else { return };
        for (id, (_, place)) in places {
            let (mut at, mut starts, mut total) = (place.first(), Vec::new(), 0);
            while let Some((record, next)) = place.record(at) {
                let text = place.text(at, &record);
                let lines = text.iter().filter(|b| **b == b'\n').count();
                total += lines.max(1);
                starts.push((at, total));
                at = next;
            }
            let start = starts.iter().find(|(_, until)| total - until < most);
            self.at.insert(*id, start.map_or(at, |(at, _)| *at));
        }
    }

    fn serve(&mut self, places: &Places) {
        let Some(query) = self.query.take() else { return };
        while !self.is_over && self.send() {
            if !self.prepare(&query, places) {
                break;
            }
        }
        self.query = Some(query);
    }

    /// Sends what is prepared. Whether all of it is gone.
    fn send(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match socket::send(self.socket.as_fd(), &self.unsent, &[]) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(Errno::EAGAIN) => return false,
                Err(_) => {
                    self.is_over = true;
                    return false;
                }
            }
        }
        true
    }

    /// Prepares the next records, in their order. Whether there were any.
    fn prepare(&mut self, query: &KeptQuery, places: &Places) -> bool {
        let mut found = Vec::new();
        for (id, (name, place)) in places {
            if query.names.is_empty() || query.names.contains(name) {
                self.collect(*id, place, &mut found);
            }
        }
        found.sort_unstable_by_key(|(number, ..)| *number);
        for (number, id, at) in found {
            let Some((name, place)) = places.get(&id) else { continue };
            let Some((record, next)) = place.record(at) else { continue };
            self.at.insert(id, next);
            if number > query.after && record.time_ns >= query.since_ns {
                let text = place.text(at, &record);
                self.add(&LogRecord { service: name.clone(), ..record }, &text);
            }
            if self.unsent.len() >= BUFFER {
                return true;
            }
        }
        if !self.unsent.is_empty() {
            return true;
        }
        if !self.has_caught_up {
            self.has_caught_up = true;
            // The one that is nobody's.
            self.add(&LogRecord::default(), b"");
            return true;
        }
        self.is_over |= !query.follow;
        false
    }

    /// Adds the records of a service that it has not had, up to a buffer of them.
    fn collect(&mut self, id: u32, place: &MemoryPlace, found: &mut Vec<(u64, u32, u64)>) {
        let known = self.at.get(&id).copied().unwrap_or(0);
        let mut at = known.max(place.first());
        let limit = at + BUFFER as u64;
        self.at.insert(id, at);
        while at < limit
            && let Some((record, next)) = place.record(at)
        {
            found.push((record.number, id, at));
            at = next;
        }
    }

    fn add(&mut self, record: &LogRecord, text: &[u8]) {
        self.unsent.extend(record.encode());
        self.unsent.extend_from_slice(text);
    }
}
