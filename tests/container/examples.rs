//! The trees of examples/, booted with programs that stand for those of Debian's packages. The
//! real ones are for `make demo`.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;

/// A daemon that stays until it is told to go.
const DAEMON: &str = "#!/bin/sh\ntrace \"$(basename $0) starts as $(id -un)\"\n\
    trap 'trace \"$(basename $0) stops\"; exit 0' TERM\nwhile :; do sleep 0.05; done\n";

/// `php -r` is the check of the socket, which shall succeed; `php FILE` runs a program.
const PHP: &str = "#!/bin/sh\n[ \"$1\" = -r ] || trace \"php $1 as $(id -un)\"\n\
    case $1 in *worker*) trap 'exit 0' TERM; while :; do sleep 0.05; done ;; esac\n";

/// The example, booted: all of its services are up.
pub fn php_nginx(features: &[(&str, &str)]) -> Container {
    let image = Image::busybox()
        .on("examples/php-nginx/rootfs")
        .file("etc/passwd", "root:x:0:0::/:/bin/sh\nphp:x:99:99::/:\nnobody:x:65534:65534::/:\n")
        .file("usr/bin/php", PHP)
        .file("usr/bin/php-fpm", DAEMON)
        .file("usr/bin/nginx", DAEMON)
        .file_of_mode("trace", "", 0o666);
    let mut boot = Boot::default();
    boot.set("S6_STAGE2_HOOK", "/etc/s6-overlay/features");
    boot.set("S6_BEHAVIOUR_IF_STAGE2_FAILS", "2");
    features.iter().for_each(|(name, value)| boot.set(name, value));
    let mut container = boot.start(&image);
    container.wait_until("all services are up", |c| {
        c.text("stderr").contains("legacy-services successfully started").then_some(())
    });
    container
}

#[test]
/// The example, booted: all of its services are up.
pub fn php_nginx_starts_and_stops_in_order() {
    if !is_possible() {
        return;
    }
    let mut container = php_nginx(&[]);
    let trace = container.wait_until("nginx has started", |c| {
        let trace = c.trace();
        (trace.len() == 2).then_some(trace)
    });
    assert_eq!(trace, ["php-fpm starts as php", "nginx starts as root"]);
    container.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(container.exit_code(), 0, "{}", container.transcript());
    assert_eq!(container.trace()[2..], ["nginx stops", "php-fpm stops"]);
}

#[test]
/// The example, booted: all of its services are up.
pub fn php_nginx_runs_what_its_features_say() {
    if !is_possible() {
        return;
    }
    let on = [
        ("FEATURE_RUN_NGINX", "false"),
        ("FEATURE_RUN_MIGRATIONS", "true"),
        ("FEATURE_RUN_WORKER", "true"),
    ];
    let mut container = php_nginx(&on);
    let mut trace = container.wait_until("the worker has started", |c| {
        let trace = c.trace();
        trace.iter().any(|line| line.contains("worker")).then_some(trace)
    });
    trace.sort();
    let wanted = [
        "php /srv/app/bin/migrate.php as php",
        "php /srv/app/bin/worker.php as php",
        "php-fpm starts as php",
    ];
    assert_eq!(trace, wanted);
}
