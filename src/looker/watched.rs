//! When to ask what of a service.

use super::round::About;
use crate::format::look::{LookerWatch, Sighting};
use std::time::{Duration, Instant};

/// How soon to ask again whether it is ready: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A service that is looked at.
pub(crate) struct Watched {
    pub(crate) watch: LookerWatch,
    /// A round is under way.
    pub(crate) is_asked: bool,
    /// When there must have been a `WATCHDOG=1`.
    pub(crate) watchdog_at: Option<Instant>,
    ready_at: Option<Instant>,
    pause: Duration,
    health_at: Option<Instant>,
    /// PID 1 knows that its last round has passed.
    is_well: bool,
    /// Why it is not ready, as PID 1 knows it.
    why: String,
}

impl Watched {
    /// One that is looked at from now on. Whether it was looked at before matters to nothing but
    /// when it must give its next sign of life.
    pub(crate) fn new(watch: LookerWatch, former: Option<Self>, now: Instant) -> Self {
        let every = Duration::from_millis(watch.every_ms.into());
        let age = Duration::from_millis(watch.age_ms);
        let health_at = (!watch.health.is_empty()).then(|| now + every.saturating_sub(age));
        let ready_at = watch.ready.is_some().then_some(now);
        let same = former.filter(|former| former.watch.pid == watch.pid);
        let watchdog_at = same.and_then(|former| former.watchdog_at);
        let pause = match watch.ready_every_ms {
            Some(ms) => Duration::from_millis(ms.into()),
            None => FIRST_PAUSE,
        };
        let mut watched = Self {
            watch,
            is_asked: false,
            watchdog_at: None,
            ready_at,
            pause,
            health_at,
            is_well: false,
            why: String::new(),
        };
        watched.pat(now);
        if watched.watchdog_at.is_some() && watchdog_at.is_some() {
            watched.watchdog_at = watchdog_at;
        }
        watched
    }

    /// When to ask next.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.is_asked {
            true => None,
            false => [self.ready_at, self.health_at].into_iter().flatten().min(),
        }
    }

    /// What to ask, when that is due.
    pub(crate) fn about(&self, now: Instant) -> About {
        match self.ready_at {
            Some(at) if at <= now => About::Readiness,
            _ => About::Health,
        }
    }

    /// There was no room to ask; false, since it is not being asked.
    pub(crate) fn put_off(&mut self, about: About, now: Instant) -> bool {
        match about {
            About::Readiness => self.ready_at = Some(now + self.next_pause()),
            About::Health => self.health_at = Some(now + self.every()),
        }
        false
    }

    /// A round has ended like this; what PID 1 is to know of it.
    pub(crate) fn asked(
        &mut self,
        about: About,
        outcome: Result<(), String>,
        now: Instant,
    ) -> Option<Sighting> {
        self.is_asked = false;
        match (about, outcome) {
            (About::Readiness, Ok(())) => {
                self.ready_at = None;
                Some(Sighting::Ready)
            }
            (About::Readiness, Err(why)) => {
                self.ready_at = Some(now + self.next_pause());
                let is_known = self.why == why;
                self.why.clone_from(&why);
                (!is_known).then_some(Sighting::NotReady(why))
            }
            (About::Health, outcome) => {
                self.health_at = Some(now + self.every());
                match outcome {
                    Ok(()) => {
                        (!std::mem::replace(&mut self.is_well, true)).then_some(Sighting::Passed)
                    }
                    Err(why) => {
                        self.is_well = false;
                        Some(Sighting::Failed(why))
                    }
                }
            }
        }
    }

    /// It has given a sign of life, or its time begins.
    pub(crate) fn pat(&mut self, now: Instant) {
        let ms = self.watch.watchdog_ms;
        self.watchdog_at = ms.map(|ms| now + Duration::from_millis(ms.into()));
    }

    fn every(&self) -> Duration {
        Duration::from_millis(self.watch.every_ms.into())
    }

    /// How long to wait this time, and longer the next.
    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        if self.watch.ready_every_ms.is_none() {
            self.pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::look::Check;

    fn watch() -> LookerWatch {
        let check = || Check::Unix("/x".into());
        LookerWatch {
            ready: Some(check()),
            health: vec![check()],
            every_ms: 10_000,
            watchdog_ms: Some(500),
            ..LookerWatch::default()
        }
    }
    fn failed() -> Result<(), String> {
        Err("no".into())
    }

    #[test]
    fn readiness_is_asked_ever_more_slowly() {
        let now = Instant::now();
        let mut watched = Watched::new(watch(), None, now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert_eq!(watched.about(now), About::Readiness);
            watched.asked(About::Readiness, failed(), now);
            pauses.push(watched.due().unwrap().duration_since(now).as_millis());
            watched.ready_at = Some(now);
        }
        assert_eq!(pauses, [100, 150, 225, 337, 506, 759, 1000, 1000]);
        assert_eq!(watched.asked(About::Readiness, Ok(()), now), Some(Sighting::Ready));
        assert_eq!(watched.due(), Some(now + Duration::from_secs(10)));
    }

    #[test]
    fn what_is_well_is_said_once() {
        let now = Instant::now();
        let mut watched = Watched::new(LookerWatch { ready: None, ..watch() }, None, now);
        let ask = |watched: &mut Watched, outcome| watched.asked(About::Health, outcome, now);
        assert_eq!(ask(&mut watched, Ok(())), Some(Sighting::Passed));
        assert_eq!(ask(&mut watched, Ok(())), None);
        assert_eq!(ask(&mut watched, failed()), Some(Sighting::Failed("no".into())));
        assert_eq!(ask(&mut watched, failed()), Some(Sighting::Failed("no".into())));
        assert_eq!(ask(&mut watched, Ok(())), Some(Sighting::Passed));
    }

    #[test]
    fn another_looker_goes_on_where_the_last_one_was() {
        let now = Instant::now();
        let old = LookerWatch { ready: None, age_ms: 9_000, ..watch() };
        assert_eq!(Watched::new(old, None, now).due(), Some(now + Duration::from_secs(1)));
        let older = LookerWatch { ready: None, age_ms: 90_000, ..watch() };
        assert_eq!(Watched::new(older, None, now).due(), Some(now));
    }

    #[test]
    fn another_order_is_no_sign_of_life() {
        let now = Instant::now();
        let first = Watched::new(watch(), None, now);
        let at = first.watchdog_at;
        let second = Watched::new(watch(), Some(first), now + Duration::from_millis(100));
        assert_eq!(second.watchdog_at, at);
        let next_process = LookerWatch { pid: 7, ..watch() };
        assert!(
            Watched::new(next_process, Some(second), now + Duration::from_millis(9)).watchdog_at
                > at
        );
    }
}
