//! What is found by looking at a service, and what becomes of it.

use super::*;
use crate::definition::health::{HealthRules, Reaction};

const WEB: &str = "web run";

/// A scene in which web is up, and looked at by these rules.
fn scene(rules: HealthRules) -> Scene {
    let mut scene = Scene::new(vec![longrun("web", &[]), longrun("late", &["web"])]);
    let top = scene.ids(&["late"]);
    scene.on(Event::Boot(Container { top, kill_grace_ms: 3000, ..Container::default() }));
    let web = scene.id("web");
    scene.on(Event::Supervised(web, Supervised { down: true, ..Supervised::default() }));
    let late = scene.id("late");
    scene.on(Event::Supervised(late, Supervised { down: true, ..Supervised::default() }));
    let notifies = rules.awaits_ready;
    let spawned = Spawned { notifies, timeout_ms: 0, health: Some(rules) };
    scene.on(Event::Spawned(scene.process(WEB), spawned));
    scene
}

impl Scene {
    fn found(&mut self, what: Checked) -> String {
        let said = self.on(Event::Checked(self.id("web"), what));
        let without = said.split(" | ").filter(|word| !word.starts_with("status"));
        without.collect::<Vec<_>>().join(" | ")
    }

    fn health(&self) -> Option<Health> {
        self.engine.longrun(self.id("web")).and_then(SupervisedLongrun::health)
    }
}

const RESTARTED: &str =
    "web Failed: Restart | web run down-signal | web run 18 | look at web Words";

#[test]
fn the_third_failure_in_a_row_restarts_it() {
    let mut scene = scene(HealthRules::default());
    assert_eq!(scene.health(), Some(Health::Starting));
    assert_eq!(scene.found(Checked::Failed), "");
    assert_eq!(scene.found(Checked::Failed), "");
    assert_eq!(scene.found(Checked::Passed), "");
    assert_eq!(scene.found(Checked::Failed), "");
    assert_eq!(scene.found(Checked::Failed), "");
    assert_eq!(scene.health(), Some(Health::Healthy { failed: 2 }));
    assert_eq!(scene.found(Checked::Failed), RESTARTED);
    assert_eq!(scene.health(), Some(Health::Unhealthy { failed: 3 }));
    // It is judged no more, and has its timeout-kill.
    assert_eq!(scene.found(Checked::Failed), "");
    scene.on(Event::Stopping(scene.id("web"), 700));
    assert_eq!(scene.timeout(), "web run late");
    let end = scene.exited(WEB, 0);
    assert!(end.contains("look at web Nothing") && end.contains("spawn web finish"), "{end}");
    assert_eq!(scene.health(), None);
    scene.absent("web finish");
    assert_eq!(scene.timeout(), "spawn web run");
    assert!(scene.engine.is_up(scene.id("web")));
}

#[test]
fn a_slow_start_is_left_alone() {
    let mut scene = scene(HealthRules { start_ms: 5000, failures: 1, ..HealthRules::default() });
    scene.wait(4999);
    assert_eq!(scene.found(Checked::Failed), "");
    assert_eq!(scene.health(), Some(Health::Starting));
    scene.wait(1);
    assert_eq!(scene.found(Checked::Failed), RESTARTED);
}

#[test]
fn what_has_passed_once_has_started() {
    let mut scene = scene(HealthRules { start_ms: 5000, failures: 1, ..HealthRules::default() });
    scene.found(Checked::Passed);
    assert_eq!(scene.found(Checked::Failed), RESTARTED);
}

#[test]
fn readiness_from_outside_lets_others_start() {
    let mut scene = scene(HealthRules { awaits_ready: true, ..HealthRules::default() });
    assert!(!scene.engine.is_up(scene.id("web")));
    let ready = scene.ready("web");
    assert!(ready.contains("look at web Health") && ready.contains("spawn late run"), "{ready}");
}

#[test]
fn one_that_is_paused_is_not_judged() {
    let mut scene = scene(HealthRules { failures: 1, ..HealthRules::default() });
    let paused = scene.control("web", Control::Pause(Target::Process));
    assert!(paused.contains("look at web Words"), "{paused}");
    assert_eq!(scene.found(Checked::Failed), "");
    assert!(
        scene.control("web", Control::Continue(Target::Process)).contains("look at web Health")
    );
    assert_eq!(scene.found(Checked::Failed), RESTARTED);
}

#[test]
fn what_is_ignored_is_reported_once() {
    let rules =
        HealthRules { failures: 1, on_unhealthy: Reaction::Ignore, ..HealthRules::default() };
    let mut scene = scene(rules);
    assert_eq!(scene.found(Checked::Failed), "web Failed: Ignore");
    assert_eq!(scene.found(Checked::Failed), "");
    assert_eq!(scene.health(), Some(Health::Unhealthy { failed: 2 }));
    scene.found(Checked::Passed);
    assert_eq!(scene.health(), Some(Health::Healthy { failed: 0 }));
    assert_eq!(scene.found(Checked::Failed), "web Failed: Ignore");
}

#[test]
fn each_cause_has_its_reaction() {
    let rules = HealthRules { on_memory: Reaction::Ignore, ..HealthRules::default() };
    let mut scene = scene(rules);
    assert_eq!(scene.found(Checked::TooMuchMemory), "web TooMuchMemory: Ignore");
    assert_eq!(scene.found(Checked::TooMuchMemory), "");
    assert_eq!(scene.health(), Some(Health::Starting));
    assert!(scene.found(Checked::WatchdogMissed).starts_with("web WatchdogMissed: Restart | "));
}

#[test]
fn it_can_stop_the_container() {
    let rules = HealthRules { failures: 1, on_unhealthy: Reaction::Stop, ..HealthRules::default() };
    let mut scene = scene(rules);
    let done = scene.found(Checked::Failed);
    assert!(done.starts_with("web Failed: Stop | web run down-signal"), "{done}");
    assert_eq!(scene.engine.stage(), Stage::Stopping);
    assert_eq!(done.matches("web run down-signal").count(), 1, "{done}");
}

#[test]
fn it_may_ask_for_more_time_until_the_container_stops() {
    let mut scene = scene(HealthRules::default());
    let web = scene.id("web");
    scene.control("web", Control::Down { permanently: false });
    scene.on(Event::Stopping(web, 1000));
    scene.on(Event::ExtendTimeout(web, 400));
    assert_eq!(scene.deadline(), Some(1000));
    scene.on(Event::ExtendTimeout(web, 3000));
    assert_eq!(scene.deadline(), Some(3000));
    scene.on(Event::Stop);
    scene.on(Event::ExtendTimeout(web, 9000));
    scene.wait(3000);
    let late = scene.on(Event::Timeout);
    assert!(late.contains("web run late"), "{late}");
}

#[test]
fn ends_of_one_that_is_unwell_count_as_failures_whatever_it_exits_with() {
    use crate::definition::{EndAction, EndPolicy, RestartLimit};
    let rules = HealthRules { failures: 1, ..HealthRules::default() };
    let policy = EndPolicy {
        on_success: Some(EndAction::Down),
        on_failure: Some(EndAction::Down),
        restart_limit: Some(RestartLimit { ends: 1, seconds: 60 }),
        ..EndPolicy::default()
    };
    let mut scene = Scene::new(vec![]);
    let id = ServiceId(0);
    scene.on(Event::Appeared(id, Scanned::default()));
    let ends = Some(std::sync::Arc::new(policy));
    scene.on(Event::Supervised(id, Supervised { down: false, ends, has_stop: false }));
    let become_unwell = |scene: &mut Scene| {
        let run = scene.process("#0 run");
        let spawned = Spawned { health: Some(rules), ..Spawned::default() };
        scene.on(Event::Spawned(run, spawned));
        scene.on(Event::Checked(id, Checked::Failed));
        scene.on(Event::Stopping(id, 0));
        scene.exited("#0 run", 0);
        scene.absent("#0 finish")
    };
    become_unwell(&mut scene);
    assert_eq!(scene.timeout(), "spawn #0 run");
    let last = become_unwell(&mut scene);
    assert!(last.ends_with("#0 dOD"), "{last}");
    assert_eq!(scene.deadline(), None);
}
