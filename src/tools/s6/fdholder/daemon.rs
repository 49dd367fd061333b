//! s6-fdholder-daemon: makes a local socket, drops privileges, and holds descriptors for those who
//! connect to it. Reference: <https://skarnet.org/software/s6/s6-fdholder-daemon.html>.

use crate::tools::s6::applyuidgid;
use crate::tools::s6::ipc::socketbinder::{self, Plan};
use crate::tools::{Exec, Exit, Next, Options, Process, Word};

/// `s6-fdholder-daemon [ -v verbosity ] [ -d | -D ] [ -1 ] [ -c maxconn ] [ -n maxfds ]
/// [ -b backlog ] [ -G gidlist ] [ -g gid ] [ -u uid ] [ -U ] [ -t timeout ] [ -T lameducktimeout ]
/// [ -i rulesdir | -x rulesfile ] path`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Dd1Uv:c:n:b:u:g:G:t:T:i:x:")?;
    let plan = Plan::from_options(process, &options)?;
    let identity = applyuidgid::wanted(process, &options)?;
    let mut holderd = vec![b"s6-fdholderd".to_vec()];
    for (letter, value) in options.iter() {
        match letter {
            '1' => holderd.push(b"-1".to_vec()),
            'v' | 't' | 'T' | 'c' | 'n' => {
                let least = u32::from(matches!(letter, 'c' | 'n'));
                let number = process.number::<u32>(value)?.max(least);
                holderd.push(format!("-{letter}{number}").into_bytes());
            }
            'i' | 'x' => holderd.extend([format!("-{letter}").into_bytes(), value.to_vec()]),
            _ => {}
        }
    }
    let [path, ..] = options.words() else { return Err(process.usage()) };
    if !options.has('i') && !options.has('x') {
        return Err(process.fatal(100, "no access rights specified!"));
    }
    socketbinder::bind(process, &plan, path)?;
    applyuidgid::assume(process, identity)?;
    if options.has('U') {
        applyuidgid::unset(process);
    }
    Ok(Exec::own(holderd).into())
}
