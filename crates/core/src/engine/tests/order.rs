//! `after.d`: what goes first without being needed.

use super::*;

/// `app` goes after `cache`, which needs `disk`.
fn scene() -> Scene {
    let all = vec![
        oneshot("disk", &[]),
        oneshot("cache", &["disk"]),
        after(&["cache"], oneshot("app", &[])),
    ];
    Scene::new(all)
}

fn up() -> Change {
    Change::default()
}

fn down() -> Change {
    Change { down: true, ..Change::default() }
}

#[test]
fn it_waits_for_what_goes_first_and_does_not_bring_it_along() {
    let mut scene = scene();
    assert_eq!(scene.change(2, up(), &["app"]), "2: starting app | spawn app up");
    scene.spawned("app up");
    scene.exited("app up", 0);
    scene.change(3, down(), &["app"]);
    scene.spawned("app down");
    scene.exited("app down", 0);
    let begun = scene.change(4, up(), &["app", "cache"]);
    assert_eq!(begun, "4: starting disk | spawn disk up");
    scene.spawned("disk up");
    let next = "4: starting cache | spawn cache up | 4: started disk";
    assert_eq!(scene.exited("disk up", 0), next);
    scene.spawned("cache up");
    let app = scene.id("app");
    assert_eq!(scene.engine.why_not_up(app), Some(Why::WaitsFor(scene.id("cache"))));
    let next = "4: starting app | spawn app up | 4: started cache";
    assert_eq!(scene.exited("cache up", 0), next);
}

#[test]
fn it_goes_on_when_what_goes_first_fails_or_stays_put() {
    for failing in ["disk up", "cache up"] {
        let mut scene = scene();
        scene.change(2, up(), &["app", "cache"]);
        scene.spawned("disk up");
        if failing == "cache up" {
            scene.exited("disk up", 0);
            scene.spawned("cache up");
        }
        let name = failing.trim_end_matches(" up");
        let said = scene.exited(failing, 1);
        let expected = format!("2: not started {name} Exited(1) | 2: starting app | spawn app up");
        assert_eq!(said, expected);
        scene.spawned("app up");
        assert_eq!(scene.exited("app up", 0), "2: started app | 2: Failed");
    }
}

#[test]
fn on_the_way_down_it_is_the_other_way_round() {
    let mut scene = scene();
    scene.change(2, up(), &["app", "cache"]);
    scene.play();
    let begun = scene.change(3, down(), &["disk", "app"]);
    assert_eq!(begun, "3: stopping app | spawn app down");
    scene.spawned("app down");
    let next = "3: stopping cache | spawn cache down | 3: stopped app";
    assert_eq!(scene.exited("app down", 0), next);
    scene.play();
    // What comes after it is not stopped with it.
    scene.change(4, up(), &["app", "cache"]);
    scene.play();
    assert_eq!(scene.change(5, down(), &["cache"]), "5: stopping cache | spawn cache down");
}

#[test]
fn what_must_not_stop_holds_nothing_up_that_goes_before_it() {
    let all = vec![oneshot("cache", &[]), essential(after(&["cache"], oneshot("app", &[])))];
    let mut scene = Scene::new(all);
    scene.change(2, up(), &["app", "cache"]);
    scene.play();
    let begun = scene.change(3, down(), &["cache", "app"]);
    assert_eq!(begun, "3: essential app | 3: stopping cache | spawn cache down");
}
