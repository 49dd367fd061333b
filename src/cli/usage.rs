//! What services use: memory and processor time of their processes together, for
//! `sixtree status --usage`. PID 1 has no part in it.

use super::known::Known;
use crate::sys::machine::TICKS_PER_SECOND;
use crate::sys::usage;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long processor time is measured, where it is not measured again anyway.
pub(super) const MEASURED: Duration = Duration::from_millis(500);

/// What a service uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ServiceUsage {
    /// Its memory; what it has in common with other processes counts in part.
    pub memory_bytes: u64,
    /// Per cent of one processor, since the last time; `None`: that was the first.
    pub cpu_percent: Option<u64>,
}

impl ServiceUsage {
    /// Its memory, in a few characters.
    pub(super) fn memory(self) -> String {
        match self.memory_bytes >> 20 {
            0 => format!("{}K", self.memory_bytes >> 10),
            whole => format!("{whole}M"),
        }
    }

    /// Its processor time, in a few characters.
    pub(super) fn processor(self) -> Option<String> {
        self.cpu_percent.map(|percent| format!("{percent}%"))
    }
}

/// Measures again and again.
#[derive(Default)]
pub(super) struct Meter {
    /// The ticks of each service, by the pid of its `run`, when they were last measured.
    last: Option<(Instant, BTreeMap<i32, u64>)>,
}

impl Meter {
    /// Measures what these services use.
    pub(super) fn measure(&mut self, services: &mut [Known]) {
        let runs: Vec<i32> = services.iter().filter_map(Known::run_pid).collect();
        let now = Instant::now();
        let mut memory: BTreeMap<i32, u64> = BTreeMap::new();
        let mut ticks: BTreeMap<i32, u64> = BTreeMap::new();
        for (run, process) in usage::of_services(&|pid| runs.contains(&pid)) {
            *memory.entry(run).or_default() += process.share();
            *ticks.entry(run).or_default() += process.ticks;
        }
        for known in services {
            let used = known.run_pid().and_then(|run| Some((run, *memory.get(&run)?)));
            known.usage = used.map(|(run, memory_bytes)| {
                let last = self.last.as_ref();
                let cpu_percent = last.and_then(|(at, before)| {
                    let spent = ticks.get(&run)?.saturating_sub(*before.get(&run)?);
                    Some(percent(spent, now.saturating_duration_since(*at)))
                });
                ServiceUsage { memory_bytes, cpu_percent }
            });
        }
        self.last = Some((now, ticks));
    }
}

fn percent(ticks: u64, span: Duration) -> u64 {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    ticks.saturating_mul(100_000 / TICKS_PER_SECOND) / ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let usage = |memory_bytes, cpu_percent| ServiceUsage { memory_bytes, cpu_percent };
        assert_eq!(usage(312 << 20, Some(7)).memory(), "312M");
        assert_eq!(usage(4096, Some(7)).memory(), "4K");
        assert_eq!(usage(0, Some(7)).processor().as_deref(), Some("7%"));
        assert_eq!(usage(0, None).processor(), None);
        assert_eq!(percent(50, Duration::from_millis(500)), 100);
        assert_eq!(percent(3, Duration::from_secs(1)), 3);
    }
}
