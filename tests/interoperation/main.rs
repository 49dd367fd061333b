//! Debian's s6 and ours, mixed: every scenario runs with the supervisor of one and the tools of
//! the other. It also runs all ours, and all theirs: what fails there is the scenario's own fault.
#![allow(clippy::disallowed_methods, reason = "tests start programs as anyone would")]

mod debian;
mod differential;
#[path = "../environment/mod.rs"]
mod environment;
mod ours;
mod random;
mod scan;
mod service;
#[path = "../skip/mod.rs"]
mod skip;
mod sockets;
mod world;

use world::Side::{Ours, Theirs};
use world::World;

/// Makes a test of each scenario for each pair of sides.
macro_rules! scenarios {
    ($($module:ident: $supervisor:ident, $tools:ident;)*) => { $(
        mod $module {
            use super::*;
            scenarios!(@each $supervisor, $tools,
                service::a_life,
                service::every_letter_arrives,
                service::both_read_every_state_alike,
                service::who_is_ready_and_ends_at_once_was_ready,
                service::a_permanent_failure_ends_the_wait,
                service::deaths_are_listed_and_forgotten,
                service::a_listener_hears_what_its_program_does,
                service::several_services_are_waited_for,
                service::events_pass_between_both,
                service::a_second_supervisor_is_refused,
                scan::a_service_is_linked_and_unlinked,
                scan::a_logger_keeps_its_pipe,
                sockets::a_program_runs_for_a_client,
                sockets::variables_come_where_the_server_lets_them,
                sockets::a_program_without_its_client_ends,
                sockets::descriptors_are_held,
                sockets::an_idle_client_is_let_go,
                sockets::dumps_are_transferred,
                sockets::pipes_are_filled_in,
            );
        }
    )* };
    (@each $supervisor:ident, $tools:ident, $($file:ident::$scenario:ident,)*) => { $(
        #[test]
        fn $scenario() {
            if let Some(world) = World::new(stringify!($scenario), $supervisor, $tools) {
                $file::$scenario(&world);
            }
        }
    )* };
}

scenarios! {
    our_tools_on_their_supervisor: Theirs, Ours;
    their_tools_on_our_supervisor: Ours, Theirs;
    all_ours: Ours, Ours;
    all_theirs: Theirs, Theirs;
}
