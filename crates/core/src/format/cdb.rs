//! Constant databases: keys and data in one file, found by two reads.
//! Reference: <https://cr.yp.to/cdb/cdb.txt>.

/// How many hash tables there are.
const TABLES: usize = 256;
/// Where the records begin: after a position and a length for each table.
const RECORDS: usize = TABLES * 8;

/// The file is no constant database, or would be too big for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid constant database")]
pub struct Invalid;

/// A key and its datum.
pub type Record<'a> = (&'a [u8], &'a [u8]);

/// A constant database.
#[derive(Clone, Debug)]
pub struct Cdb(Vec<u8>);

impl Cdb {
    /// The database that is the content of a file.
    pub fn new(content: Vec<u8>) -> Result<Self, Invalid> {
        if content.len() < RECORDS { Err(Invalid) } else { Ok(Self(content)) }
    }

    /// The first datum of a key.
    pub fn find(&self, key: &[u8]) -> Result<Option<&[u8]>, Invalid> {
        let hash = hash(key);
        let table = (hash as usize % TABLES) * 8;
        let (start, slots) = (self.number(table)?, self.number(table + 4)?);
        let first = (hash >> 8).checked_rem(slots).unwrap_or(0);
        for step in 0..slots {
            let slot = (u64::from(first) + u64::from(step)) % u64::from(slots);
            let at = usize::try_from(u64::from(start) + slot * 8).map_err(|_| Invalid)?;
            let (slot_hash, record) = (self.number(at)?, self.number(at + 4)?);
            if record == 0 {
                return Ok(None);
            }
            if slot_hash == hash {
                let (found, datum, _) = self.record(record as usize)?;
                if found == key {
                    return Ok(Some(datum));
                }
            }
        }
        Ok(None)
    }

    /// All keys and data, in order.
    pub fn records(&self) -> Result<Vec<Record<'_>>, Invalid> {
        let end = self.number(0)? as usize;
        let mut at = RECORDS;
        let mut all = Vec::new();
        while at < end {
            let (key, datum, next) = self.record(at)?;
            all.push((key, datum));
            at = next;
        }
        if at == end { Ok(all) } else { Err(Invalid) }
    }

    /// The record at a position, and the position of the next one.
    fn record(&self, at: usize) -> Result<(&[u8], &[u8], usize), Invalid> {
        let (key, datum) = (self.number(at)? as usize, self.number(at + 4)? as usize);
        let middle = at.checked_add(8 + key).ok_or(Invalid)?;
        let end = middle.checked_add(datum).ok_or(Invalid)?;
        let key = self.0.get(at + 8..middle).ok_or(Invalid)?;
        Ok((key, self.0.get(middle..end).ok_or(Invalid)?, end))
    }

    fn number(&self, at: usize) -> Result<u32, Invalid> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Invalid)?;
        Ok(u32::from_le_bytes(*bytes))
    }
}

/// The content of a file that is a database of these keys and data.
pub fn build<'a>(records: impl IntoIterator<Item = Record<'a>>) -> Result<Vec<u8>, Invalid> {
    let number = |n: usize| u32::try_from(n).map_err(|_| Invalid);
    let mut file = vec![0; RECORDS];
    let mut tables = vec![Vec::new(); TABLES];
    for (key, datum) in records {
        let hash = hash(key);
        if let Some(table) = tables.get_mut(hash as usize % TABLES) {
            table.push((hash, number(file.len())?));
        }
        file.extend_from_slice(&number(key.len())?.to_le_bytes());
        file.extend_from_slice(&number(datum.len())?.to_le_bytes());
        file.extend_from_slice(key);
        file.extend_from_slice(datum);
    }
    let mut pointers = Vec::with_capacity(RECORDS);
    for entries in tables {
        let slots = lay_out(&entries);
        pointers.extend_from_slice(&number(file.len())?.to_le_bytes());
        pointers.extend_from_slice(&number(slots.len())?.to_le_bytes());
        for (hash, record) in slots {
            file.extend_from_slice(&hash.to_le_bytes());
            file.extend_from_slice(&record.to_le_bytes());
        }
    }
    file.splice(..RECORDS, pointers);
    Ok(file)
}

/// A table with twice as many slots as entries, each entry in the first free slot after its own.
fn lay_out(entries: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut slots = vec![(0, 0); entries.len() * 2];
    for &(hash, record) in entries {
        let first = (hash >> 8) as usize % slots.len();
        let (before, after) = slots.split_at_mut(first);
        if let Some(free) = after.iter_mut().chain(before).find(|slot| slot.1 == 0) {
            *free = (hash, record);
        }
    }
    slots
}

fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |h: u32, &byte| h.wrapping_mul(33) ^ u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_in_is_found(pairs in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 0..8),
            prop::collection::vec(any::<u8>(), 0..8),
            0..300
        )) {
            let records = pairs.iter().map(|(k, v)| (k.as_slice(), v.as_slice()));
            let cdb = Cdb::new(build(records.clone()).unwrap()).unwrap();
            for (key, datum) in &pairs {
                prop_assert_eq!(cdb.find(key), Ok(Some(datum.as_slice())));
            }
            prop_assert_eq!(cdb.find(b"a key that is too long"), Ok(None));
            prop_assert_eq!(cdb.records(), Ok(records.collect::<Vec<_>>()));
        }
        #[test]
        fn garbage_is_refused_or_empty_but_harmless(
            bytes in prop::collection::vec(any::<u8>(), 2048..2400)
        ) {
            let cdb = Cdb::new(bytes).unwrap();
            let _ = (cdb.find(b"uid/0"), cdb.records());
        }
    }

    #[test]
    fn the_first_of_two_data_is_found() {
        let cdb = Cdb::new(build([(&b"k"[..], &b"1"[..]), (b"k", b"2")]).unwrap()).unwrap();
        assert_eq!(cdb.find(b"k"), Ok(Some(&b"1"[..])));
        assert_eq!(Cdb::new(vec![0; 2047]).err(), Some(Invalid));
    }
}
