//! DNS messages: what a question looks like, and what an answer says.
//! Reference: <https://www.rfc-editor.org/rfc/rfc1035>.

use super::name::Name;
use super::record::{self, Data};
use domain::base::iana::{Class, Opcode, Rcode};
use domain::base::name::ToName;
use domain::base::{Message, ParsedRecord, Rtype};

/// How many bytes a message has before its first question.
const HEADER: usize = 12;
/// The flag by which a question asks for recursion.
const RECURSION_DESIRED: u8 = 1;

/// A message is not made as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl From<domain::base::wire::ParseError> for Malformed {
    fn from(_: domain::base::wire::ParseError) -> Self {
        Self
    }
}

/// A question in a packet.
#[derive(Clone, Debug)]
pub struct Question(Vec<u8>);

impl Question {
    /// Asks for the records of a type that a name has.
    pub fn new(name: &Name, rtype: Rtype, recursive: bool) -> Self {
        let mut packet = vec![0; HEADER];
        packet[2] = if recursive { RECURSION_DESIRED } else { 0 };
        packet[5] = 1;
        packet.extend(name.to_wire());
        packet.extend(rtype.to_int().to_be_bytes());
        packet.extend(Class::IN.to_int().to_be_bytes());
        Self(packet)
    }

    /// Gives the packet another id.
    pub fn set_id(&mut self, id: [u8; 2]) {
        self.0[..2].copy_from_slice(&id);
    }

    /// The packet.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the server shall ask others.
    pub fn is_recursive(&self) -> bool {
        self.0[2] & RECURSION_DESIRED != 0
    }

    /// Whether a packet is an answer to this question. One that has the right id but cannot be
    /// parsed is an error.
    pub fn is_answered_by(&self, packet: &[u8]) -> Result<bool, Malformed> {
        let (Ok(question), Ok(answer)) =
            (Message::from_slice(&self.0), Message::from_slice(packet))
        else {
            return Ok(false);
        };
        let header = answer.header();
        let is_response = header.qr() && header.opcode() == Opcode::QUERY;
        let has_one_question = answer.header_counts().qdcount() == 1;
        if header.id() != question.header().id() || !is_response || !has_one_question {
            return Ok(false);
        }
        let asked = question.sole_question()?;
        let answered = answer.sole_question()?;
        Ok(asked.qname().name_eq(answered.qname())
            && asked.qtype() == answered.qtype()
            && asked.qclass() == answered.qclass())
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// The answer that a packet is.
    pub fn new(packet: Vec<u8>) -> Self {
        Self(packet)
    }

    /// The packet.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the server had more to say than fits.
    pub fn is_truncated(&self) -> bool {
        self.message().is_ok_and(|message| message.header().tc())
    }

    /// What the server thinks of the question.
    pub fn rcode(&self) -> Rcode {
        self.message().map_or(Rcode::FORMERR, |message| message.header().rcode())
    }

    /// What the answer section has of a type, whatever the names are: an alias was followed by the
    /// server. Records of a wrong size are no addresses.
    pub fn records(&self, wanted: Rtype) -> Result<Vec<Data>, Malformed> {
        let message = self.message()?;
        let (_, answer, authority, additional) = message.sections()?;
        let mut found = Vec::new();
        for record in answer {
            let record: ParsedRecord<'_, [u8]> = record?;
            let of_interest = record.class() == Class::IN && record.rtype() == wanted;
            if of_interest && !record::is_address_of_wrong_size(&record) {
                found.push(Data::parse(&record)?);
            }
        }
        for record in authority.chain(additional) {
            record?;
        }
        Ok(found)
    }

    fn message(&self) -> Result<&Message<[u8]>, Malformed> {
        Message::from_slice(&self.0).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with these flags to a question, and what is to follow the question.
    fn answer(question: &Question, flags: [u8; 2], counts: [u8; 3], rest: &[u8]) -> Vec<u8> {
        let mut packet = question.as_bytes().to_vec();
        packet[2..4].copy_from_slice(&flags);
        for (place, count) in counts.into_iter().enumerate() {
            packet[7 + 2 * place] = count;
        }
        packet.extend_from_slice(rest);
        packet
    }

    /// A record of the name that was asked for.
    fn record(rtype: u16, data: &[u8]) -> Vec<u8> {
        let (rtype, length) = (rtype.to_be_bytes(), (data.len() as u16).to_be_bytes());
        [b"\xc0\x0c", &rtype[..], b"\0\x01\0\0\x01\x2c", &length, data].concat()
    }

    fn question() -> Question {
        let mut question = Question::new(&Name::parse(b"one.test").unwrap(), Rtype::A, true);
        question.set_id(*b"id");
        question
    }

    #[test]
    fn a_question_is_a_packet() {
        assert_eq!(
            question().as_bytes(),
            b"id\x01\0\0\x01\0\0\0\0\0\0\x03one\x04test\0\0\x01\0\x01"
        );
    }

    #[test]
    fn only_its_own_answer_answers_a_question() {
        let (asked, good) = (question(), answer(&question(), [0x81, 0x80], [0; 3], b""));
        let fits = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut packet = good.clone();
            change(&mut packet);
            asked.is_answered_by(&packet)
        };
        assert_eq!(fits(&|_| {}), Ok(true));
        assert_eq!(fits(&|p| p[13] = b'O'), Ok(true), "case does not count");
        assert_eq!(fits(&|p| p[0] = 0), Ok(false), "another id");
        assert_eq!(fits(&|p| p[2] = 1), Ok(false), "a question");
        assert_eq!(fits(&|p| p[2] |= 8), Ok(false), "another operation");
        assert_eq!(fits(&|p| p[5] = 2), Ok(false), "two questions");
        assert_eq!(fits(&|p| p[13] = b'x'), Ok(false), "another name");
        assert_eq!(fits(&|p| p[23] = 2), Ok(false), "another type");
        assert_eq!(fits(&|p| p.truncate(24)), Err(Malformed));
        assert_eq!(fits(&|p| p.truncate(11)), Ok(false));
    }

    #[test]
    fn records_of_the_type_count_whatever_their_name() {
        let cname = record(5, b"\x03two\0");
        let address = [&b"\0"[..], &record(1, &[192, 0, 2, 1])[2..]].concat();
        let short = record(1, &[1, 2, 3]);
        let rest = [cname, address, short].concat();
        let packet = Answer::new(answer(&question(), [0x81, 0x80], [3, 0, 0], &rest));
        assert_eq!(packet.records(Rtype::A), Ok(vec![Data::Ip([192, 0, 2, 1].into())]));
        assert_eq!(packet.records(Rtype::CNAME), Ok(vec![Data::Text(b"two.".to_vec())]));
        assert_eq!(packet.records(Rtype::MX), Ok(vec![]));
        assert_eq!(packet.rcode(), Rcode::NOERROR);
        let cut = Answer::new(packet.as_bytes()[..packet.as_bytes().len() - 1].to_vec());
        assert_eq!(cut.records(Rtype::A), Err(Malformed));
    }
}
