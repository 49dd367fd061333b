//! s6-randomip: prints addresses that are made up.
//! Reference: <https://skarnet.org/software/s6-dns/s6-randomip.html>.

use crate::sys::random;
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::net::IpAddr;

/// How many are printed at once.
const BATCH: u64 = 512;

/// `s6-randomip [ -4 ] [ -6 ] [ -n number ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "46n:")?;
    let mut left = options.parsed('n', |n| process.number::<u64>(n))?;
    loop {
        let batch = left.map_or(BATCH, |left| left.min(BATCH));
        if batch == 0 {
            return Ok(Next::Exit(0));
        }
        let made_up = (0..batch).map(|_| address::show(make_up(&options)) + "\n");
        process.print(made_up.collect::<String>().as_bytes())?;
        left = left.map(|left| left - batch);
    }
}

fn make_up(options: &Options) -> IpAddr {
    let mut bytes = [0; 17];
    random::fill(&mut bytes);
    let [coin, v6 @ ..] = bytes;
    let is_v6 = match (options.has('4'), options.has('6')) {
        (true, true) => coin & 1 != 0,
        (_, v6) => v6,
    };
    match is_v6 {
        true => v6.into(),
        false => [v6[0], v6[1], v6[2], v6[3]].into(),
    }
}
