//! The data of DNS records, as text.

use super::message::Malformed;
use crate::format::decimal;
use crate::tools::net::address;
use crate::tools::portable::quoting::quote;
use domain::base::name::ToLabelIter;
use domain::base::rdata::ParseRecordData;
use domain::base::rdata::UnknownRecordData;
use domain::base::{ParsedName, ParsedRecord, Record, Rtype};
use domain::rdata::{A, Aaaa, Cname, Hinfo, Mx, Ns, Ptr, Soa, Srv, Txt};
use std::net::IpAddr;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An address.
    Ip(IpAddr),
    /// Anything else, as it is printed.
    Text(Vec<u8>),
}

type Parsed<'a> = ParsedRecord<'a, [u8]>;
type Found<'a> = ParsedName<&'a [u8]>;

/// The types with a name: whose data is understood, and others that can be asked for.
pub const TYPES: &[(&str, Rtype)] = &[
    ("A", Rtype::A),
    ("AAAA", Rtype::AAAA),
    ("ANY", Rtype::ANY),
    ("AXFR", Rtype::AXFR),
    ("CAA", Rtype::CAA),
    ("CNAME", Rtype::CNAME),
    ("HINFO", Rtype::HINFO),
    ("KEY", Rtype::KEY),
    ("MX", Rtype::MX),
    ("NS", Rtype::NS),
    ("PTR", Rtype::PTR),
    ("RP", Rtype::RP),
    ("SIG", Rtype::SIG),
    ("SOA", Rtype::SOA),
    ("SRV", Rtype::SRV),
    ("TXT", Rtype::TXT),
];

impl Data {
    /// The data of a record, of whatever type.
    pub fn parse(record: &Parsed<'_>) -> Result<Self, Malformed> {
        let mut out = Vec::new();
        match record.rtype() {
            Rtype::A => return Ok(Self::Ip(data::<A>(record)?.addr().into())),
            Rtype::AAAA => return Ok(Self::Ip(data::<Aaaa>(record)?.addr().into())),
            Rtype::NS => put_name(data::<Ns<Found>>(record)?.nsdname(), &mut out),
            Rtype::CNAME => put_name(data::<Cname<Found>>(record)?.cname(), &mut out),
            Rtype::PTR => put_name(data::<Ptr<Found>>(record)?.ptrdname(), &mut out),
            Rtype::MX => {
                let mx = data::<Mx<Found>>(record)?;
                put(&mut out, format_args!("{} ", mx.preference()));
                put_name(mx.exchange(), &mut out);
            }
            Rtype::SRV => {
                let srv = data::<Srv<Found>>(record)?;
                let (priority, weight, port) = (srv.priority(), srv.weight(), srv.port());
                put(&mut out, format_args!("{priority} {weight} {port} "));
                put_name(srv.target(), &mut out);
            }
            Rtype::SOA => put_soa(&data(record)?, &mut out),
            Rtype::TXT => {
                let strings = data::<Txt<&[u8]>>(record)?;
                let joined: Vec<u8> = strings.iter().flatten().copied().collect();
                out.push(b'"');
                put_quoted(&joined, b"\"", &mut out);
                out.push(b'"');
            }
            Rtype::HINFO => {
                let hinfo = data::<Hinfo<&[u8]>>(record)?;
                put_quoted(hinfo.cpu().as_slice(), b"", &mut out);
                out.push(b' ');
                put_quoted(hinfo.os().as_slice(), b"", &mut out);
            }
            Rtype::CAA => put_caa(data::<UnknownRecordData<&[u8]>>(record)?.data(), &mut out)?,
            other => {
                let bytes = data::<UnknownRecordData<&[u8]>>(record)?;
                let bytes = bytes.data();
                put(&mut out, format_args!("rtype {} length {}: ", other.to_int(), bytes.len()));
                bytes.iter().for_each(|byte| put(&mut out, format_args!("{byte:02x}")));
            }
        }
        Ok(Self::Text(out))
    }

    /// The text.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Ip(ip) => address::show(*ip).into_bytes(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The type that a word names, or the number of which it is.
pub fn parse_type(word: &[u8]) -> Option<Rtype> {
    let named = TYPES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
    named.map(|(_, rtype)| *rtype).or_else(|| {
        let number = decimal::parse::<u16>(word).filter(|number| *number > 0);
        number.map(Rtype::from_int)
    })
}

/// The name of a type whose data is understood.
pub fn type_name(rtype: Rtype) -> &'static str {
    let understood =
        !matches!(rtype, Rtype::ANY | Rtype::AXFR | Rtype::KEY | Rtype::RP | Rtype::SIG);
    let named = TYPES.iter().find(|(_, named)| understood && *named == rtype);
    named.map_or("unknown", |(name, _)| *name)
}

/// A record that calls itself an address and is none.
pub fn is_address_of_wrong_size(record: &Parsed<'_>) -> bool {
    match record.rtype() {
        Rtype::A => record.rdlen() != 4,
        Rtype::AAAA => record.rdlen() != 16,
        _ => false,
    }
}

/// Appends a name in lower case, with its final dot.
///
/// Differs: what could be taken for the end of a label, or of a line, is escaped: a server may
/// answer anything, and others read this as lines.
pub fn put_name(name: &impl ToLabelIter, out: &mut Vec<u8>) {
    let labels = name.iter_labels().filter(|label| !label.is_root());
    let start = out.len();
    for label in labels {
        put_quoted(&label.as_slice().to_ascii_lowercase(), b". ", out);
        out.push(b'.');
    }
    if out.len() == start {
        out.push(b'.');
    }
}

fn data<'a, D: ParseRecordData<'a, [u8]>>(record: &Parsed<'a>) -> Result<D, Malformed> {
    record.to_record::<D>()?.map(Record::into_data).ok_or(Malformed)
}

fn put_soa(soa: &Soa<Found<'_>>, out: &mut Vec<u8>) {
    put_name(soa.mname(), out);
    out.push(b' ');
    put_name(soa.rname(), out);
    let times = [soa.refresh(), soa.retry(), soa.expire(), soa.minimum()];
    let numbers = [soa.serial().into_int()].into_iter().chain(times.map(|time| time.as_secs()));
    numbers.for_each(|number| put(out, format_args!(" {number}")));
}

/// Flags, the length of the tag, the tag and the value.
fn put_caa(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let [flags, length, rest @ ..] = bytes else { return Err(Malformed) };
    let (tag, value) = rest.split_at_checked(usize::from(*length)).ok_or(Malformed)?;
    if value.is_empty() {
        return Err(Malformed);
    }
    put(out, format_args!("{flags} "));
    put_quoted(tag, b"", out);
    out.push(b' ');
    put_quoted(value, b"", out);
    Ok(())
}

fn put_quoted(text: &[u8], delimiters: &[u8], out: &mut Vec<u8>) {
    // It fails only for delimiters that cannot be escaped.
    let quoted = quote(text, delimiters, out);
    debug_assert!(quoted.is_ok(), "{delimiters:?}");
}

/// Appends a text.
pub fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.extend_from_slice(text.to_string().as_bytes());
}
