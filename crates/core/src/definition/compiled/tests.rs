//! What is written is read again, and what is no database is told apart.

use super::*;
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

fn reference() -> impl Strategy<Value = Reference> {
    (any::<String>(), path(), any::<u32>()).prop_map(|(name, file, line)| Reference {
        name,
        file: file.into(),
        line,
    })
}
fn from_bytes(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}
fn path() -> impl Strategy<Value = PathBuf> {
    any::<Vec<u8>>().prop_map(from_bytes)
}
fn references() -> impl Strategy<Value = Vec<Reference>> {
    prop::collection::vec(reference(), 0..3)
}
fn atomic() -> impl Strategy<Value = Atomic> {
    (references(), references(), any::<u32>(), any::<u32>()).prop_map(
        |(dependencies, after, up, down)| Atomic {
            dependencies,
            after,
            timeout_up_ms: up,
            timeout_down_ms: down,
        },
    )
}
fn oneshot() -> impl Strategy<Value = Kind> {
    let words = || prop::collection::vec(any::<Word>(), 0..3);
    (atomic(), words(), words(), words())
        .prop_map(|(atomic, up, down, reload)| Oneshot { atomic, up, down, reload })
        .prop_map(Kind::Oneshot)
}
fn longrun() -> impl Strategy<Value = Kind> {
    let ends = (prop::option::of(reference()), references(), prop::option::of(reference()));
    let files = prop::sample::subsequence(HANDED_ON.to_vec(), 0..HANDED_ON.len());
    let policy = crate::definition::ends::tests::policy();
    let instances = prop_oneof![
        Just(None),
        (0..500u32).prop_map(|count| Some(Instances::Count(count))),
        (0..500u32, 501..1000u32)
            .prop_map(|(count, before)| Some(Instances::Shrinking { count, before })),
    ];
    let handed_on = (any::<bool>(), files, policy, instances);
    (atomic(), any::<Option<u32>>(), any::<Option<u32>>(), ends, handed_on)
        .prop_map(|(atomic, notification_fd, lock_fd, ends, handed_on)| {
            let (has_finish, handed_on, policy, instances) = handed_on;
            let (producer_for, consumer_for, pipeline_name) = ends;
            Longrun {
                atomic,
                notification_fd,
                lock_fd,
                producer_for,
                consumer_for,
                pipeline_name,
                has_finish,
                handed_on,
                ends: Some(policy).filter(|policy| !policy.is_empty()).map(Arc::new),
                instances,
                instance: None,
            }
        })
        .prop_map(Kind::Longrun)
}
fn definition() -> impl Strategy<Value = Definition> {
    let kind = prop_oneof![references().prop_map(Kind::Bundle), oneshot(), longrun()];
    let modes: Vec<_> = LogMode::ALL.iter().map(|(_, mode)| *mode).collect();
    let log = prop::option::of(prop::sample::select(modes));
    (any::<String>(), path(), kind, any::<bool>(), any::<bool>(), log).prop_map(
        |(name, directory, kind, essential, recommended, log)| Definition {
            directory,
            essential,
            recommended,
            log,
            ..Definition::new(&name, kind)
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(all in prop::collection::vec(definition(), 0..4)) {
        prop_assert_eq!(decode(&encode(all.iter()), from_bytes).unwrap(), all);
    }

    #[test]
    fn no_bytes_make_it_panic(text: Vec<u8>) {
        prop_assert!(decode(&text, from_bytes).is_err());
    }
}

#[test]
fn another_file_is_no_database() {
    let says = |text: &str| decode(text.as_bytes(), from_bytes).unwrap_err().to_string();
    assert_eq!(says("[]"), "not a database: no valid version");
    assert_eq!(says(r#"{"version":1}"#), "not a database: no valid definitions");
    let entry = r#"{"version":1,"definitions":[{"name":"a","directory":"/a","type":"x"}]}"#;
    assert_eq!(says(entry), "not a database: no valid type");
}
