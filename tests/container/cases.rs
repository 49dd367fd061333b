//! Each case is a test of its own: `cargo test --test container stop_reverse_order`.

macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            crate::steps::run(stringify!($name), None);
        })*

        /// The names of all of them.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        #[test]
        fn every_case_in_the_folder_is_run() {
            let mut run: Vec<_> = NAMES.iter().map(|name| format!("{name}.case")).collect();
            run.sort_unstable();
            let there = std::fs::read_dir("tests/container/cases").expect("the folder");
            let name = |e: std::io::Result<std::fs::DirEntry>| e.expect("an entry").file_name();
            let mut there: Vec<_> = there.map(|e| name(e).into_string().expect("UTF-8")).collect();
            there.sort_unstable();
            assert_eq!(run, there);
        }
    };
}

cases! {
    base_dependency
    boot_names_what_it_waits_for
    boot_timeout_reported
    broken_tree_crlf
    broken_tree_reports_all
    bundle_old_place
    cmd_arg0
    cmd_args
    cmd_exit_code
    cmd_exit_stops_services
    cmd_exits_during_term
    cmd_halts_with_a_code
    cmd_killed_by_term
    cmd_not_found
    cmd_output
    cmd_receives_signals
    cmd_wait_maxtime_stops
    data_specials
    def_longrun_modes
    def_oneshot_words
    env_directory
    env_fifo
    env_keep
    env_path_default
    env_services_see_none
    env_values
    env_with_contenv_everywhere
    exec_while_up
    exit_code_full_run
    exit_code_without_descriptors
    exit_finish_writes_code
    exit_halt_from_exec
    exit_halt_from_finish
    fail_explained
    fail_oneshot_0
    fail_oneshot_2
    fd3_at_start
    fd3_for_writing
    fix_attrs_hidden
    fix_attrs_modes
    graph_chain
    graph_diamond
    graph_failed_oneshot
    graph_parallel_down
    graph_timeout_up_longrun
    halt_after_stray_byte
    hook_adds_service
    hook_missing_is_told
    hook_removes_service
    install_symlinks
    last_lines_fifo
    last_lines_symlink
    legacy_cont_finish_order
    legacy_cont_init_order
    legacy_finish_maxtime
    legacy_not_executable
    legacy_service_log
    legacy_user2_after_services
    log_1_catch_all
    log_catchall_user
    log_catchall_user_unknown
    logutil_pipeline
    not_pid1
    off_by_itself
    oneshot_before_longrun
    orphans_reaped
    parallel_start
    pipe_producer_restart
    pipe_three
    place_log_stalls
    place_no_proc
    place_no_shm
    place_stdio_closed
    place_stdio_full
    profile
    rc_change_down
    rc_directory_gone
    rc_during_boot
    rc_list_during_change
    rc_prune
    rc_queued_from_oneshot
    rc_update
    rc_update_pipeline
    ready_again_after_restart
    ready_notifyoncheck
    run_emptied_at_boot
    run_for_everybody
    run_is_a_fifo
    run_left_by_s6_overlay
    run_missing_is_told
    run_mode_as_mounted
    run_mode_as_root
    run_noexec
    run_of_root
    run_open_to_all
    run_open_to_all_as_user
    run_read_only
    run_shared
    rundir_cleared
    rundir_of_somebody
    scan_link
    signal_int_stops
    signal_pwr_stops
    signal_quit_stops
    signal_rtmin3_stops
    signal_rtmin_of_musl_stops
    signal_rtmin_to_cmd
    signal_term_at_once
    signal_term_before_all
    signal_term_during_boot
    signal_term_twice
    signal_usr1_stops
    signal_winch_stops
    sixtree_journal
    sixtree_logs
    sixtree_status
    sixtree_timing
    slips_told
    stat_plain
    stop_after_boot_failed
    stop_during_bounded_boot
    stop_leaves_what_is_not_up
    stop_maxtime
    stop_names_late
    stop_reverse_order
    stop_sleeps_for_nobody
    stray_gets_kill
    stray_gets_term
    super_death_tally
    super_directory_removed
    super_down_group
    super_fds
    super_files_that_are_fifos
    super_finish_exit_code
    super_finish_signal
    super_session
    svc_down_up
    svc_exit_then_down
    svc_once
    svc_q_keeps_down
    svstat_ready_stamp
    svstat_signal_name_abrt
    timeout_kill
    tmpfs_run_owned_by_user
    tree_broken_ends
    tree_cycle
    tree_missing_dependency
    tree_no_run
    tree_unknown_type
    two_share_tmp
    unreadable_legacy_named
    unreadable_run_named
    update_fifo
    user_plain_run
    var_run_folder
    verbosity_2
    verbosity_3
    volumes_stay
    wait_for_closing_fd
    wait_states
}
