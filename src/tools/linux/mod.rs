//! The linux family of tools: s6-linux-utils.

mod freeramdisk;
mod fstab2s6rc;
mod hostname;
mod logwatch;
mod mount;
mod ps;
mod rngseed;
mod roots;
mod swap;

use super::{Tool, subcommand};

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "fstab2s6rc",
        fstab2s6rc::run,
        "[ -A | -a ] [ -U | -u ] [ -E | -e ] [ -F fstab ] [ -m mode ] [ -B bundle ] [ -d basedep ] \
         dir",
        "Make services of the lines of fstab",
    ),
    Tool::new(
        "rngseed",
        rngseed::run,
        "[ -d seeddir ] [ -v verbosity ] [ -r | -R ] [ -n | -N ] [ -w | -W ]",
        "Seed the random generator, or store a seed",
    ),
    Tool::new("s6-chroot", roots::s6_chroot, "dir prog...", "Change the root directory"),
    Tool::new(
        "s6-freeramdisk",
        freeramdisk::run,
        "ramdisk_device",
        "Free the memory of a RAM disk",
    ),
    Tool::new("s6-hostname", hostname::run, "[ hostname ]", "Print the machine's name, or set it"),
    Tool::new(
        "s6-linux-utils",
        |process, argv| subcommand::run(process, TOOLS, argv),
        subcommand::USAGE,
        "Be any of these programs, by its name as an argument",
    ),
    Tool::new("s6-logwatch", logwatch::run, "[ logdir ]", "Print logs as they are written").stays(),
    Tool::new(
        "s6-mount",
        mount::s6_mount,
        "[ -a ] [ -z fstab ] | s6-mount [ -n ] [ -t type ] [ -o option[,option...] ]... device \
         mountpoint",
        "Mount file systems",
    ),
    Tool::new(
        "s6-pivotchroot",
        roots::s6_pivotchroot,
        "old-place-for-new-root new-place-for-old-root prog...",
        "Exchange the root file system",
    ),
    Tool::new(
        "s6-ps",
        ps::run,
        "[ -H ] [ -w spacing ] [ -W wchanfile ] [ -l | -o field,field... ]",
        "List the processes",
    ),
    Tool::new("s6-swapoff", swap::s6_swapoff, "[ -a ] [ device ]", "End swapping"),
    Tool::new("s6-swapon", swap::s6_swapon, "[ -a ] [ device ]", "Begin swapping"),
    Tool::new("s6-umount", mount::s6_umount, "[ -a ] [ mountpoint ]", "Unmount file systems"),
];
