//! s6-getservbyname: prints the port of a service, as /etc/services has it.
//! Reference: <https://skarnet.org/software/s6-networking/s6-getservbyname.html>.

use crate::format::decimal;
use crate::tools::die::errno;
use crate::tools::{Exit, Next, Process, Word};
use std::io::ErrorKind;

/// `s6-getservbyname service proto`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let [_, service, protocol, ..] = argv.as_slice() else { return Err(process.usage()) };
    let port = match decimal::parse::<u16>(service) {
        Some(port) => Some(port),
        None => match std::fs::read("/etc/services") {
            Ok(services) => find(&services, service, protocol),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(process.unable("read /etc/services")(errno(&e))),
        },
    };
    let Some(port) = port else { return Ok(Next::Exit(1)) };
    process.print(format!("{port}\n").as_bytes())?;
    Ok(Next::Exit(0))
}

/// The port of the first service of this name, or alias, and protocol.
fn find(services: &[u8], service: &[u8], protocol: &[u8]) -> Option<u16> {
    services.split(|&b| b == b'\n').find_map(|line| {
        let text = line.split(|&b| b == b'#').next()?;
        let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (name, port) = (words.next()?, words.next()?);
        let is_called_so = name == service || words.any(|alias| alias == service);
        let slash = port.iter().position(|&b| b == b'/')?;
        let is_of_protocol = port.get(slash + 1..) == Some(protocol);
        decimal::parse(&port[..slash]).filter(|_| is_called_so && is_of_protocol)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_names_a_port_and_a_protocol() {
        let services = b"# http 1/tcp\nhttp\t80/tcp  www web # http\nodd 4321/udp\nbad x/tcp\n";
        let port =
            |name: &str, protocol: &str| find(services, name.as_bytes(), protocol.as_bytes());
        assert_eq!(port("http", "tcp"), Some(80));
        assert_eq!(port("web", "tcp"), Some(80));
        assert_eq!(port("odd", "udp"), Some(4321));
        for (name, protocol) in [("http", "udp"), ("bad", "tcp"), ("#", "tcp"), ("80/tcp", "tcp")] {
            assert_eq!(port(name, protocol), None);
        }
    }
}
