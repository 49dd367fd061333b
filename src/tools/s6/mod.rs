//! The s6 family of tools.

pub mod applyuidgid;
mod background_watch;
pub mod control;
mod dates;
pub mod envdir;
pub mod envuidgid;
pub mod fdholder;
mod fghack;
mod ftrig;
mod generate;
mod instance;
mod instance_maker;
mod ioconnect;
pub mod ipc;
mod link;
pub mod log;
mod message;
mod mkfifodir;
mod notify_socket;
mod notifyoncheck;
pub mod outbox;
mod permafailon;
mod setlock;
mod setsid;
mod setuidgid;
mod socklog;
mod softlimit;
mod supervise;
mod svc;
mod svdt;
mod svlink;
mod svlisten;
mod svok;
mod svperms;
mod svscanboot;
mod svscanctl;
mod svstat;
mod svwait;
mod tai64n;
mod ucspilogd;
mod usertree_maker;
pub mod watch;

use super::{Tool, senseless};
pub use supervise::is_shown as is_shown_supervisor;

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "s6-accessrules-cdb-from-fs",
        ipc::rules_to_cdb::run,
        "[ -m mode ] cdbfile dir",
        "Make a database of access rules from a directory",
    ),
    Tool::new(
        "s6-accessrules-fs-from-cdb",
        ipc::rules_from_cdb::run,
        "dir cdbfile",
        "Make a directory of access rules from a database",
    ),
    Tool::new(
        "s6-applyuidgid",
        applyuidgid::run,
        "[ -z ] [ -u uid ] [ -g gid ] [ -G gidlist ] [ -U ] prog...",
        "Become another user, by numbers, then a program",
    ),
    Tool::new(
        "s6-background-watch",
        background_watch::run,
        "[ -t timeout ] [ -d notif ] pidfile prog...",
        "Stand in the foreground for a daemon that goes to the background",
    )
    .stays(),
    Tool::new("s6-cleanfifodir", mkfifodir::clean, "fifodir", "Remove the FIFOs of dead listeners"),
    Tool::new(
        "s6-connlimit",
        ipc::connlimit::run,
        "prog...",
        "Become a program unless its client has too many connections",
    ),
    Tool::new(
        "s6-envdir",
        envdir::run,
        "[ -I | -i ] [ -n ] [ -f ] [ -L ] [ -c nullchar ] dir prog...",
        "Set variables from the files of a directory, then become a program",
    ),
    Tool::new(
        "s6-envuidgid",
        envuidgid::run,
        "[ -i | -D defaultuid:defaultgid:defaultgidlist ] [ -u | -g | -B ] [ -n ] account prog...",
        "Tell a program an account's numbers in UID, GID and GIDLIST",
    ),
    Tool::new(
        "s6-fdholder-daemon",
        fdholder::daemon::run,
        "[ -v verbosity ] [ -d | -D ] [ -1 ] [ -c maxconn ] [ -n maxfds ] [ -b backlog ] \
         [ -G gid,gid,... ] [ -g gid ] [ -u uid ] [ -U ] [ -t timeout ] [ -T lameducktimeout ] \
         [ -i rulesdir | -x rulesfile ] path",
        "Hold descriptors for the clients of a local socket",
    ),
    Tool::new(
        "s6-fdholder-delete",
        fdholder::tools::delete,
        "[ -t timeout ] socket id",
        "Let go of a descriptor that is held",
    ),
    Tool::new(
        "s6-fdholder-getdump",
        fdholder::tools::getdump,
        "[ -t timeout ] socket prog...",
        "Become a program with copies of all descriptors that are held",
    ),
    Tool::new(
        "s6-fdholder-list",
        fdholder::tools::list,
        "[ -t timeout ] socket",
        "List the descriptors that are held",
    ),
    Tool::new(
        "s6-fdholder-retrieve",
        fdholder::tools::retrieve,
        "[ -D ] [ -t timeout ] socket id prog...",
        "Become a program with a descriptor that is held as stdin",
    ),
    Tool::new(
        "s6-fdholder-setdump",
        fdholder::tools::setdump,
        "[ -t timeout ] socket",
        "Have all descriptors of a dump held",
    ),
    Tool::new(
        "s6-fdholder-store",
        fdholder::tools::store,
        "[ -d fd ] [ -t timeout ] [ -T fdtimeout ] socket id",
        "Have a descriptor held",
    ),
    Tool::new(
        "s6-fdholder-transferdump",
        fdholder::tools::transferdump,
        "[ -t timeoutfrom:timeoutto ] socketfrom socketto",
        "Have the descriptors that one daemon holds held by another, too",
    ),
    Tool::new(
        "s6-fdholderd",
        fdholder::holderd::run,
        "[ -v verbosity ] [ -1 ] [ -c maxconn ] [ -n maxfds ] [ -t timeout ] \
         [ -T lameducktimeout ] [ -i rulesdir | -x rulesfile ]",
        "Hold descriptors for the clients of the socket that is stdin",
    )
    .stays(),
    Tool::new("s6-fghack", fghack::run, "prog...", "Keep a program in the foreground by a trick"),
    Tool::new(
        "s6-ftrig-listen",
        ftrig::listen_to_several,
        "[ -a | -o ] [ -t timeout ] fifodir1 regexp1 ... \"\" prog...",
        "Run a program, then wait for events in several directories",
    ),
    Tool::new(
        "s6-ftrig-listen1",
        ftrig::listen_to_one,
        "[ -t timeout ] fifodir regexp prog...",
        "Run a program, then wait for events in a directory, and print them",
    ),
    Tool::new("s6-ftrig-notify", ftrig::notify, "fifodir message", "Notify events"),
    Tool::new(
        "s6-ftrig-wait",
        ftrig::wait,
        "[ -t timeout ] fifodir regexp",
        "Wait for events in a directory, and print them",
    ),
    Tool::new(
        "s6-ftrigrd",
        senseless::s6_ftrigrd,
        "",
        "Listen for the original programs (those here do so themselves)",
    ),
    Tool::new(
        "s6-instance-control",
        instance::control,
        "[ -wu | -wU | -wd | -wD | -wr | -wR ] [ -T timeout ] [ -abqhkti12pcyroduDUxO ] \
         service instancename",
        "Tell an instance of a service to start, stop or restart, or send it signals",
    ),
    Tool::new(
        "s6-instance-create",
        instance::create,
        "[ -d | -D ] [ -f ] [ -P ] [ -t timeout ] service instancename",
        "Make an instance of a running service",
    ),
    Tool::new(
        "s6-instance-delete",
        instance::delete,
        "[ -X ] [ -t timeout ] service instancename",
        "Remove an instance of a running service",
    ),
    Tool::new("s6-instance-list", instance::list, "service", "List the instances of a service"),
    Tool::new(
        "s6-instance-maker",
        instance_maker::run,
        "[ -c max ] [ -u user ] [ -l loguser ] [ -L logdir ] [ -t stamptype ] [ -n nfiles ] \
         [ -s filesize ] [ -S maxsize ] [ -P prefix ] [ -r service[/logger[/pipeline]] ] \
         template dir",
        "Write a service of which instances can be made while it runs",
    ),
    Tool::new(
        "s6-instance-status",
        instance::status,
        "[ -uwNrpest | -o up,wantedup,normallyup,ready,paused,pid,exitcode,signal,signum,\
         updownsince,readysince,updownfor,readyfor ] [ -n ] service instancename",
        "Tell the state of an instance of a service",
    ),
    Tool::new(
        "s6-ioconnect",
        ioconnect::run,
        "[ -t timeout ] [ -r fdr ] [ -w fdw ]",
        "Connect stdin and stdout with two other descriptors",
    )
    .stays(),
    Tool::new(
        "s6-ipcclient",
        ipc::client::run,
        "[ -q | -Q | -v ] [ -p bindpath ] [ -l localname ] path prog...",
        "Connect to a local socket, then become a program",
    ),
    Tool::new(
        "s6-ipcserver",
        ipc::server::run,
        "[ -q | -Q | -v ] [ -d | -D ] [ -P | -p ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ] \
         [ -b backlog ] [ -a socketperms ] [ -G gid,gid,... ] [ -g gid ] [ -u uid ] [ -U ] \
         path prog...",
        "Serve the connections to a local socket by a program",
    ),
    Tool::new(
        "s6-ipcserver-access",
        ipc::access::run,
        "[ -v verbosity ] [ -e | -E ] [ -l localname ] [ -i rulesdir | -x rulesfile ] prog...",
        "Become a program if its client may talk to it",
    ),
    Tool::new(
        "s6-ipcserver-socketbinder",
        ipc::socketbinder::run,
        "[ -d | -D ] [ -b backlog ] [ -M | -m ] [ -a perms ] [ -B ] path prog...",
        "Make a local socket, then become a program",
    ),
    Tool::new(
        "s6-ipcserverd",
        ipc::serverd::run,
        "[ -v verbosity ] [ -1 ] [ -P | -p ] [ -c maxconn ] [ -C localmaxconn ] prog...",
        "Start a program for each connection to stdin",
    )
    .stays(),
    Tool::new(
        "s6-log",
        log::run,
        "[ -d notif ] [ -q | -v ] [ -b ] [ -p ] [ -l linelimit ] [ -t lastlinetimeout ] [ -- ] \
         logging_script",
        "Log lines, reliably, to directories that rotate, and elsewhere",
    )
    .stays(),
    Tool::new(
        "s6-mkfifodir",
        mkfifodir::make,
        "[ -f ] [ -g gid ] fifodir",
        "Make a directory of events",
    ),
    Tool::new(
        "s6-notify-fd-from-socket",
        notify_socket::fd_from_socket,
        "[ -f ] [ -3 fd ] [ -t timeout ] prog...",
        "Run a program that tells its readiness by sd_notify under a supervisor like s6",
    ),
    Tool::new(
        "s6-notify-socket-from-fd",
        notify_socket::socket_from_fd,
        "[ -d fd ] [ -f ] [ -t timeout ] [ -k ] prog...",
        "Run a program that tells its readiness as s6 expects under one that expects sd_notify",
    ),
    Tool::new(
        "s6-notifyoncheck",
        notifyoncheck::run,
        "[ -d ] [ -3 fd ] [ -s initialsleep ] [ -T globaltimeout ] [ -t localtimeout ] \
         [ -w waitingtime ] [ -n tries ] [ -c \"checkprog...\" ] prog...",
        "Ask whether a daemon is ready, and tell its supervisor",
    ),
    Tool::new(
        "s6-permafailon",
        permafailon::run,
        "seconds deathcount statuslist prog...",
        "In a finish script, give up a service that has died too often",
    ),
    Tool::new(
        "s6-setlock",
        setlock::run,
        "[ -r | -w ] [ -n | -N ] [ -t timeout ] [ -d fd ] lockfile prog...",
        "Take a lock on a file, then become a program",
    ),
    Tool::new(
        "s6-setsid",
        setsid::run,
        "[ -s | -b | -f | -g ] [ -i | -I | -q ] [ -d ctty ] prog...",
        "Lead a session or a process group, then become a program",
    ),
    Tool::new(
        "s6-setuidgid",
        setuidgid::run,
        "username prog...",
        "Become another user with all its groups, then a program",
    ),
    Tool::new(
        "s6-socklog",
        socklog::run,
        "[ -d notif ] [ -r ] [ -U | -u uid -g gid -G gidlist ] [ -l linelen ] \
         [ -t lameducktimeout ] [ -x socket | -i ip_port ]",
        "Write the syslog messages that a socket receives to stdout",
    )
    .stays(),
    Tool::new(
        "s6-softlimit",
        softlimit::run,
        "[ -H | -h ] [ -a allbytes ] [ -c corebytes ] [ -d databytes ] [ -f filebytes ] \
         [ -l lockbytes ] [ -m membytes ] [ -o openfiles ] [ -p processes ] \
         [ -r residentbytes ] [ -s stackbytes ] [ -t cpusecs ] prog...",
        "Set resource limits, then become a program",
    ),
    Tool::new(
        "s6-sudo",
        ipc::sudo::run,
        "[ -q | -Q | -v ] [ -p bindpath ] [ -l localname ] [ -e ] [ -t timeout ] \
         [ -T timeoutrun ] path [ args... ]",
        "Have a program run by s6-sudod at a local socket",
    ),
    Tool::new(
        "s6-sudoc",
        ipc::sudoc::run,
        "[ -e ] [ -t timeoutconn ] [ -T timeoutrun ] [ args... ]",
        "Have a program run by s6-sudod on the other side of a connection",
    ),
    Tool::new(
        "s6-sudod",
        ipc::sudod::run,
        "[ -0 ] [ -1 ] [ -2 ] [ -d ] [ -t timeout ] args...",
        "Run a program for the client of a connection",
    ),
    Tool::new("s6-supervise", supervise::supervise, "dir", "Supervise a service").stays(),
    Tool::new(
        "s6-svc",
        svc::run,
        "[ -wu | -wU | -wd | -wD | -wr | -wR ] [ -T timeout ] \
         [ -s signal | -abqhkti12pcyrlPCK ] [ -oduDUxOQ ] servicedirs...",
        "Tell services to start, stop or restart, or send them signals",
    ),
    Tool::new(
        "s6-svdt",
        svdt::list,
        "[ -S | -s ] [ -n maxentries ] servicedir",
        "List the deaths of a service",
    ),
    Tool::new("s6-svdt-clear", svdt::clear, "servicedir", "Forget the deaths of a service"),
    Tool::new(
        "s6-svlink",
        svlink::link,
        "[ -d | -D ] [ -f ] [ -P ] [ -t timeout ] scandir servicedir [ name ]",
        "Put a service directory into a scan directory, and wait for its supervisor",
    ),
    Tool::new(
        "s6-svlisten",
        svlisten::several,
        "[ -U | -u | -d | -D | -r | -R ] [ -a | -o ] [ -t timeout ] servicedir... \"\" prog...",
        "Run a program, then wait for services to reach a state",
    ),
    Tool::new(
        "s6-svlisten1",
        svlisten::one,
        "[ -U | -u | -d | -D | -r | -R ] [ -t timeout ] servicedir prog...",
        "Run a program, then wait for a service to reach a state",
    ),
    Tool::new("s6-svok", svok::run, "servicedir", "Tell whether a service is supervised"),
    Tool::new(
        "s6-svperms",
        svperms::run,
        "[ -v ] [ -u | -g group | -G group | -o | -O group ] [ -e | -E group ] servicedir...",
        "Tell or change who may see, control and listen to services",
    ),
    Tool::new(
        "s6-svscan",
        supervise::svscan,
        "[ -C services_max ] [ -L name_max ] [ -t timeout ] [ -d notif ] [ -X consoleholder ] \
         scandir",
        "Supervise the services of a scan directory",
    )
    .stays(),
    Tool::new(
        "s6-svscanboot",
        svscanboot::run,
        "[ -c devconsole ] [ -D catchalldir ] [ -m catchallmode ] [ -l catchalluser ] \
         [ -o catchalloptions ] [ -d notif ] [ -C services_max ] [ -L name_max ] [ -t rescan ] \
         scandir",
        "Become s6-svscan, with a logger for what no other logger catches",
    ),
    Tool::new(
        "s6-svscanctl",
        svscanctl::run,
        "[ -zabhitqnN ] svscandir",
        "Tell a scan directory's supervisor to rescan, prune or stop",
    ),
    Tool::new(
        "s6-svstat",
        svstat::run,
        "[ -uwNrpgest | -o up,wantedup,normallyup,ready,paused,pid,pgid,exitcode,signal,signum,\
         updownsince,readysince,updownfor,readyfor ] [ -n ] servicedir",
        "Tell the state of a service",
    ),
    Tool::new(
        "s6-svunlink",
        svlink::unlink,
        "[ -X ] [ -t timeout ] scandir servicename",
        "Take a service directory out of a scan directory, and wait for its end",
    ),
    Tool::new(
        "s6-svwait",
        svwait::run,
        "[ -U | -u | -d | -D | -r | -R ] [ -a | -o ] [ -t timeout ] servicedir...",
        "Wait for services to reach a state",
    ),
    Tool::new("s6-tai64n", tai64n::stamp, "", "Stamp lines with TAI64N labels"),
    Tool::new("s6-tai64ndiff", tai64n::difference, "", "Show the time between stamped lines"),
    Tool::new("s6-tai64nlocal", tai64n::local, "[ -g ]", "Make TAI64N labels readable"),
    Tool::new(
        "s6-usertree-maker",
        usertree_maker::run,
        "[ -d userscandir ] [ -p path ] [ -E envdir [ -e var ... ] ] \
         [ -r service/logger[/pipeline] ] [ -l loguser ] [ -t stamptype ] [ -n nfiles ] \
         [ -s filesize ] [ -S maxsize ] [ -P prefix ] user logdir dir",
        "Write a service that runs a user's own supervision tree",
    ),
    Tool::new(
        "ucspilogd",
        ucspilogd::run,
        "[ -D default ] [ var... ]",
        "Make the syslog lines of a connection readable",
    ),
];
