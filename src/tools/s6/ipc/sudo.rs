//! s6-sudo: connects to s6-sudod and has a program run there.
//! Reference: <https://skarnet.org/software/s6/s6-sudo.html>.

use super::client;
use crate::tools::{Exec, Exit, Next, Options, Process, Word};

/// `s6-sudo [ -q | -Q | -v ] [ -p bindpath ] [ -l localname ] [ -e ] [ -t timeout ]
/// [ -T timeoutrun ] path [ args... ]`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qQvp:l:et:T:")?;
    let mut sudoc = vec![b"s6-sudoc".to_vec()];
    for (letter, value) in options.iter() {
        match letter {
            'e' => sudoc.push(b"-e".to_vec()),
            't' | 'T' => {
                sudoc.push(format!("-{letter}{}", process.number::<u32>(value)?).into_bytes())
            }
            _ => {}
        }
    }
    sudoc.push(b"--".to_vec());
    let [path, args @ ..] = options.words() else { return Err(process.usage()) };
    sudoc.extend_from_slice(args);
    client::connect(process, &options, path)?;
    Ok(Exec::own(sudoc).into())
}
