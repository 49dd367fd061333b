//! Another tree takes the place of the one at work.

use super::*;

/// Puts a tree to work; what is to be done, in words.
fn replace(scene: &mut Scene, definitions: Vec<Definition>) -> Result<String, NotReplaced> {
    let graph = Graph::new(definitions).expect("a sound tree");
    let graph = graph.numbered_after(scene.engine.graph(), &[]);
    scene.engine.replace(Time(scene.now), graph)?;
    let commands: Vec<_> = std::iter::from_fn(|| scene.engine.poll()).collect();
    let words: Vec<_> = commands.iter().map(|command| scene.command(command)).collect();
    Ok(words.join(" | "))
}

#[test]
fn what_stays_keeps_its_state_and_what_is_new_is_supervised() {
    let mut scene = Scene::booted(vec![longrun("db", &[]), oneshot("init", &["db"])], &["init"]);
    let tree = || {
        let web = longrun("web", &["cache", "init"]);
        vec![longrun("db", &[]), longrun("cache", &[]), web, oneshot("init", &["db"])]
    };
    let words = replace(&mut scene, tree()).expect("nothing is in the way");
    assert_eq!(words, "supervise cache | supervise web");
    for name in ["cache", "web"] {
        scene.on(Event::Supervised(
            scene.id(name),
            Supervised { down: true, ..Supervised::default() },
        ));
    }
    assert!(scene.engine.is_up(scene.id("db")) && scene.engine.is_up(scene.id("init")));
    assert!(!scene.engine.is_up(scene.id("web")));
    let begun = scene.change(7, Change::default(), &["web"]);
    assert!(begun.contains("spawn cache run") && begun.contains("already up init"), "{begun}");
}

#[test]
fn what_has_gone_loses_its_supervisor() {
    let tree = || vec![longrun("db", &[]), longrun("old", &[]), oneshot("older", &[])];
    let mut scene = Scene::booted(tree(), &["db"]);
    let old = scene.id("old");
    let gone = scene.engine.longrun(old).is_some();
    let words = replace(&mut scene, vec![longrun("db", &[])]).expect("nothing is in the way");
    assert_eq!((words.as_str(), gone), ("#1 x | unsupervise #1 | drop #1", true));
    scene.on(Event::Timeout);
    assert!(scene.engine.longrun(old).is_none());
}

#[test]
fn what_is_up_must_not_go_and_a_change_must_not_be_disturbed() {
    let mut scene = Scene::booted(vec![longrun("db", &[]), oneshot("slow", &[])], &["db"]);
    let db = scene.id("db");
    assert_eq!(replace(&mut scene, vec![oneshot("slow", &[])]), Err(NotReplaced::Up(db)));
    scene.change(7, Change::default(), &["slow"]);
    let tree = vec![longrun("db", &[]), oneshot("slow", &[])];
    assert_eq!(replace(&mut scene, tree.clone()), Err(NotReplaced::Busy));
    scene.spawned("slow up");
    scene.exited("slow up", 0);
    assert_eq!(replace(&mut scene, tree), Ok(String::new()));
    scene.on(Event::Stop);
    assert_eq!(replace(&mut scene, vec![]), Err(NotReplaced::Busy));
}
