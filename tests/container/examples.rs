//! The trees of examples/, booted with programs that stand for those of Debian's packages. The
//! real ones are for `make demo`.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;
use crate::web::{free_port, page};
use sixtree::cli::check::{CheckRequest, check};
use std::path::Path;

/// A daemon that stays until it is told to go. It can be told so once it has said that it starts.
const DAEMON: &str = "#!/bin/sh\ntrap 'trace \"$(basename $0) stops\"; exit 0' TERM QUIT\n\
    trace \"$(basename $0) starts as $(id -un)\"\nwhile :; do sleep 0.05; done\n";

/// `php -r` is the check of PHP-FPM's socket, which succeeds once that has started; `php FILE` runs
/// a program.
const PHP: &str = "#!/bin/sh\n[ \"$1\" != -r ] || exec grep -q 'php-fpm starts' /trace\n\
    trap 'exit 0' TERM\ntrace \"$2 $3 as $(id -un)\"\n\
    case $2 in *consume*) while :; do sleep 0.05; done ;; esac\n";

/// The example, booted: all of its services are up.
pub(crate) fn php_nginx(features: &[(&str, &str)]) -> Container {
    let image = Image::busybox()
        .on("examples/php-nginx/rootfs")
        .file("etc/passwd", "root:x:0:0::/:/bin/sh\nphp:x:99:99::/:\nnobody:x:65534:65534::/:\n")
        .file("usr/bin/php", PHP)
        .file("usr/bin/php-fpm", DAEMON)
        .file("usr/bin/nginx", DAEMON)
        // A busy machine may need more than the example's five seconds.
        .file("etc/s6-overlay/s6-rc.d/svc-php-fpm/timeout-up", "60000\n")
        .file_of_mode("trace", "", 0o666);
    let mut boot = Boot::default();
    // As the Dockerfile sets them.
    boot.set("FEATURE_RUN_NGINX", "true");
    boot.set("FEATURE_RUN_PHP_FPM", "true");
    boot.set("S6_BEHAVIOUR_IF_STAGE2_FAILS", "2");
    features.iter().for_each(|(name, value)| boot.set(name, value));
    let mut container = boot.start(&image);
    container.wait_for_boot();
    container
}

#[test]
fn php_nginx_starts_and_stops_in_order() {
    if !is_possible() {
        return;
    }
    let mut container = php_nginx(&[]);
    let trace = container.wait_until("nginx has started", |c| {
        let trace = c.trace();
        (trace.len() == 2).then_some(trace)
    });
    assert_eq!(trace, ["php-fpm starts as php", "nginx starts as root"]);
    container.stops();
    assert_eq!(container.trace()[2..], ["nginx stops", "php-fpm stops"]);
}

#[test]
fn php_nginx_runs_what_its_features_say() {
    if !is_possible() {
        return;
    }
    let on = [
        ("FEATURE_RUN_NGINX", "false"),
        ("FEATURE_RUN_MIGRATIONS", "true"),
        ("FEATURE_RUN_MESSENGER_ASYNC", "true"),
        ("FEATURE_RUN_SCHEDULER", "true"),
    ];
    let mut container = php_nginx(&on);
    let mut trace = container.wait_until("all four have started", |c| {
        let trace = c.trace();
        (trace.len() == 4).then_some(trace)
    });
    assert_eq!(trace[0], "doctrine:migrations:migrate  as php");
    trace.sort();
    let wanted = [
        "messenger:consume async as php",
        "messenger:consume scheduler_default as php",
        "php-fpm starts as php",
    ];
    assert_eq!(trace[1..], wanted);
}

/// An example that needs nothing but busybox.
fn small(name: &str) -> Image {
    Image::busybox().on(&format!("examples/{name}/rootfs"))
}

/// Boots an example with a web server, sees its page, kills the server, and sees the page again.
fn serves(name: &str) -> Option<Container> {
    if !is_possible() {
        return None;
    }
    let port = free_port();
    let mut boot = Boot::default();
    boot.set("PORT", &port.to_string());
    boot.set("GREETING", "hello to the test");
    let image = small(name);
    let mut container = boot.start(&image);
    let text = container.wait_until("there is a page", |_| page(port));
    assert!(text.contains("hello to the test"), "{text}");
    let killed = container.exec(&["s6-svc", "-wr", "-T", "10000", "-k", "/run/service/web"], None);
    assert!(killed.status.success(), "{killed:?}");
    container.wait_until("the page is back", |_| page(port));
    Some(container)
}

#[test]
fn minimal_serves_a_page_that_a_oneshot_made() {
    let Some(mut container) = serves("minimal") else { return };
    container.stops();
}

#[test]
fn legacy_serves_a_page_and_says_goodbye() {
    let Some(mut container) = serves("legacy") else { return };
    container.stops();
    assert!(container.text("stdout").contains("goodbye"), "{}", container.transcript());
}

#[test]
fn logger_keeps_what_its_program_says() {
    if !is_possible() {
        return;
    }
    let image = small("logger");
    let mut container = Boot::default().start(&image);
    container.wait_for_text("/var/log/app/current", "working", 1);
    container.stops();
    assert!(!container.text("stdout").contains("working"), "{}", container.transcript());
}

#[test]
fn non_root_runs_as_an_ordinary_user() {
    if !is_possible() {
        return;
    }
    let boot = Boot { options: vec!["--user=1000:1000".into()], ..Boot::default() };
    let image = small("non-root");
    let mut container = boot.start(&image);
    container.wait_for_text("stdout", "working as app", 1);
    container.stops();
}

#[test]
fn nothing_is_wrong_with_the_definitions_of_small_examples() {
    for name in ["minimal", "logger", "legacy", "non-root"] {
        let root = Some(Path::new("examples").join(name).join("rootfs"));
        let request = CheckRequest { root, layer: true, ..CheckRequest::default() };
        assert_eq!(check(&request).expect("it can be looked at").1, [], "{name}");
    }
}
