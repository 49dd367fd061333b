//! Children that share our memory until they execute their program. No page table is copied for
//! them, and no page of ours has to be copied afterwards because they had it too.
//!
//! Unlike after vfork(2), we go on meanwhile: a program on a file system that hangs must not hold
//! up everything else. So such a child has a stack of its own, looks at nothing but its task, and
//! makes its system calls without the C library, whose errno is ours.

use super::slots::{self, Slots};
use super::{Child, LOW, Session};
use crate::sys::exec::Execve;
use crate::sys::raw;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// How many may be on their way at a time. Others are forked as usual.
const TASKS: usize = 32;

/// What each of them has for a stack, in units of 16 bytes, to which it is aligned: far more than
/// it needs.
const STACK: usize = 8192 / 16;

/// How many descriptors each of them may get.
const MOST: usize = 5;

/// The places in which such children begin.
#[derive(Debug)]
pub struct Nursery {
    tasks: Box<[Task]>,
    stacks: Box<[u128]>,
    slots: Slots,
    /// How many children may have to take over yet what was lent to them.
    borrowers: usize,
}

/// (number in the child, number here), in the order of the former; -1: no more.
type Fds = [(RawFd, RawFd); MOST];

/// What a child is to do. It is not touched while `running` is not 0.
#[derive(Debug, Default)]
struct Task {
    running: AtomicI32,
    session: Option<Session>,
    fds: Fds,
    nofile: Option<(u64, u64)>,
    program: Option<Execve>,
    /// Whether the child has a table of descriptors of its own.
    apart: AtomicBool,
    /// The reserved numbers among those here. The child does not look at this.
    lent: Vec<OwnedFd>,
}

impl Default for Nursery {
    fn default() -> Self {
        let tasks = (0..TASKS).map(|_| Task::default()).collect();
        // Plain zeros (not arrays of them) come from the kernel: no page of them is touched before
        // it is needed.
        let stacks = vec![0; STACK * TASKS].into_boxed_slice();
        Self { tasks, stacks, slots: Slots::reserve(), borrowers: 0 }
    }
}

impl Nursery {
    /// Starts a program, if it needs no more than what can be done here. Else it comes back.
    pub fn start(&mut self, child: &Child, program: Execve) -> Result<Pid, Execve> {
        self.settle();
        let mut places = self.tasks.iter_mut().zip(self.stacks.chunks_exact_mut(STACK));
        let Some((task, stack)) = places.find(|(task, _)| task.is_free()) else {
            return Err(program);
        };
        let Some((fds, lent)) = fds(child, &mut self.slots) else { return Err(program) };
        self.borrowers += usize::from(!lent.is_empty());
        task.fds = fds;
        task.lent = lent;
        task.apart.store(false, Ordering::Relaxed);
        task.session = Some(child.session);
        task.nofile = child.nofile;
        task.program = Some(program);
        task.running.store(1, Ordering::Relaxed);
        let flags = libc::CLONE_FILES | libc::SIGCHLD;
        let argument = std::ptr::from_ref(task).cast();
        let top = stack.as_mut_ptr_range().end.cast();
        // SAFETY: the stack and the task are this child's alone until `running` is 0, and `begin`
        // never returns.
        match unsafe { raw::clone(flags, top, task.running.as_ptr(), begin, argument) } {
            Ok(pid) => Ok(Pid::from_raw(pid as i32)),
            Err(_) => {
                task.running.store(0, Ordering::Relaxed);
                Err(task.program.take().unwrap_or_default())
            }
        }
    }

    /// Lets go of what children have taken over meanwhile. Whether some still have to.
    pub fn settle(&mut self) -> bool {
        if self.borrowers > 0 {
            let borrowers = self.tasks.iter_mut().filter(|task| !task.lent.is_empty());
            for task in borrowers.filter(|task| task.is_apart()) {
                self.slots.take_back(std::mem::take(&mut task.lent));
                self.borrowers -= 1;
            }
        }
        self.borrowers > 0
    }
}

/// Children that are on their way keep what they look at.
impl Drop for Nursery {
    fn drop(&mut self) {
        if !self.tasks.iter().all(Task::is_free) {
            Box::leak(std::mem::take(&mut self.tasks));
            Box::leak(std::mem::take(&mut self.stacks));
        }
    }
}

/// What a child gets, as its task has it, and the reserved numbers that are lent to it. `None`:
/// something of it is not at a low number, or would be overwritten before it is read.
fn fds(child: &Child, slots: &mut Slots) -> Option<(Fds, Vec<OwnedFd>)> {
    let low = child.fds.iter().all(|(_, from)| (0..LOW).contains(from));
    if !low || child.fds.len() + child.passing.len() > MOST || child.new_pid_namespace {
        return None;
    }
    let passing: Vec<RawFd> = child.passing.iter().map(|&(_, from)| from).collect();
    let lent = slots.lend(&passing)?;
    let copies = child.passing.iter().zip(slots::numbers(&lent)).map(|(&(to, _), slot)| (to, slot));
    let mut all = [(-1, -1); MOST];
    let count = child.fds.len() + lent.len();
    for (place, one) in all.iter_mut().zip(child.fds.iter().copied().chain(copies)) {
        *place = one;
    }
    let (given, _) = all.split_at_mut(count);
    given.sort_by_key(|&(to, _)| to);
    let is_read_in_time = |(at, &(to, from)): (usize, &(RawFd, RawFd))| {
        to == from || given.iter().skip(at + 1).all(|&(_, later)| later != to)
    };
    if given.iter().enumerate().all(is_read_in_time) {
        return Some((all, lent));
    }
    slots.take_back(lent);
    None
}

/// Where the child begins.
///
/// # Safety
/// `task` points to its task.
unsafe extern "C" fn begin(task: *const libc::c_void) -> ! {
    // SAFETY: our parent leaves the task alone until we are gone.
    let task = unsafe { &*task.cast::<Task>() };
    let code = match task.set_up() {
        Ok(()) => task.program.as_ref().map_or(111, Execve::go),
        Err(_) => 111,
    };
    loop {
        let _ = plain(libc::SYS_exit_group, [code as usize, 0, 0]);
    }
}

impl Task {
    fn is_free(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Whether nothing that happens to our descriptors matters to the child any more.
    fn is_apart(&self) -> bool {
        self.apart.load(Ordering::Acquire) || self.is_free()
    }

    /// What the child gets.
    fn given(&self) -> impl Iterator<Item = (RawFd, RawFd)> {
        self.fds.into_iter().take_while(|&(to, _)| to >= 0)
    }

    /// Closes all that the child does not get. That is close-on-exec, if the kernel cannot.
    fn close_others(&self) {
        let close = |first, last| plain(libc::SYS_close_range, [first, last, 0]);
        let mut next = 0;
        for to in self.given().filter_map(|(to, _)| usize::try_from(to).ok()) {
            if next < to {
                let _ = close(next, to - 1);
            }
            next = to + 1;
        }
        let _ = close(next, u32::MAX as usize);
    }

    fn set_up(&self) -> Result<(), Errno> {
        unshare_descriptors()?;
        self.apart.store(true, Ordering::Release);
        match self.session {
            Some(Session::New) => drop(plain(libc::SYS_setsid, [0; 3])),
            Some(Session::Foreground) => foreground()?,
            Some(Session::Same) | None => {}
        }
        self.given().try_for_each(|(to, from)| place(to, from))?;
        self.close_others();
        if let Some((soft, hard)) = self.nofile {
            restore_nofile(soft, hard);
        }
        restore_signals()
    }
}

fn unshare_descriptors() -> Result<(), Errno> {
    let range = [LOW as usize, u32::MAX as usize, libc::CLOSE_RANGE_UNSHARE as usize];
    plain(libc::SYS_close_range, range)
        .or_else(|_| plain(libc::SYS_unshare, [libc::CLONE_FILES as usize, 0, 0]))
        .map(drop)
}

fn foreground() -> Result<(), Errno> {
    plain(libc::SYS_setpgid, [0; 3])?;
    let me = plain(libc::SYS_getpid, [0; 3])? as libc::pid_t;
    let address = std::ptr::from_ref(&me) as usize;
    let _ = plain(libc::SYS_ioctl, [0, libc::TIOCSPGRP as usize, address]);
    Ok(())
}

fn place(to: RawFd, from: RawFd) -> Result<(), Errno> {
    if to == from {
        plain(libc::SYS_fcntl, [to as usize, libc::F_SETFD as usize, 0]).map(drop)
    } else {
        plain(libc::SYS_dup3, [from as usize, to as usize, 0]).map(drop)
    }
}

fn restore_nofile(soft: u64, hard: u64) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    let address = std::ptr::from_ref(&limit) as usize;
    let _ = plain(libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as usize, address]);
}

/// As `super::restore_signals` does.
fn restore_signals() -> Result<(), Errno> {
    const SET_BYTES: usize = 8;
    // The kernel's own struct: handler (the default one), flags, restorer, mask.
    let default = [0_u64; 4];
    let address = std::ptr::from_ref(&default) as usize;
    let which = libc::SIGPIPE as usize;
    // SAFETY: as many bytes as the kernel reads; the default is no code of ours.
    unsafe { raw::call(libc::SYS_rt_sigaction, [which, address, 0, SET_BYTES]) }?;
    let none = 0_u64;
    let address = std::ptr::from_ref(&none) as usize;
    let how = libc::SIG_SETMASK as usize;
    // SAFETY: as many bytes as the kernel reads.
    unsafe { raw::call(libc::SYS_rt_sigprocmask, [how, address, 0, SET_BYTES]) }.map(drop)
}

/// A call of numbers, or of something that the kernel only reads.
fn plain(number: libc::c_long, [a, b, c]: [usize; 3]) -> Result<usize, Errno> {
    // SAFETY: it changes nothing but this child.
    unsafe { raw::call(number, [a, b, c, 0]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::{WaitStatus, wait};
    use crate::sys::spawn::{Program, Spawner};
    use nix::sys::wait::WaitPidFlag;
    use std::os::fd::AsRawFd;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    fn program(words: &[&str]) -> Execve {
        let argv: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Execve::new(&argv[0], &argv, &[b"A=b".to_vec()]).unwrap()
    }

    fn child(fds: &[(RawFd, RawFd)]) -> Child<'_> {
        let session = Session::New;
        Child { session, fds, passing: &[], nofile: None, new_pid_namespace: false }
    }

    fn ended(pid: Pid) -> WaitStatus {
        wait(pid.as_raw(), WaitPidFlag::empty()).unwrap().unwrap().1
    }

    /// The reserved numbers are there once in a process: tests take turns.
    fn take_turns() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const INHERITED: [(RawFd, RawFd); 3] = [(0, 0), (1, 1), (2, 2)];

    #[test]
    fn more_children_than_places_all_become_their_program() {
        let _turn = take_turns();
        let mut spawner = Spawner::default();
        let mut start = |code: usize| {
            let code = format!("test $A = b && exit {code}");
            let program = Program::File(program(&["/bin/sh", "-c", &code]));
            spawner.spawn(&child(&INHERITED), program).unwrap()
        };
        let started: Vec<Pid> = (0..4 * TASKS).map(&mut start).collect();
        let codes: Vec<_> = started.into_iter().map(|pid| ended(pid).code()).collect();
        assert_eq!(codes, (0..4 * TASKS).map(|code| Some(code as u8)).collect::<Vec<_>>());
    }

    #[test]
    fn a_place_is_free_when_its_child_has_left_it() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        for program in [program(&["/bin/true"]), program(&["/nowhere"])] {
            let pid = nursery.start(&child(&INHERITED), program).unwrap();
            ended(pid);
            assert!(nursery.tasks.iter().all(Task::is_free));
        }
    }

    #[test]
    fn what_cannot_be_executed_is_told_on_its_stderr() {
        let _turn = take_turns();
        let (read, write) = nix::unistd::pipe().unwrap();
        let fds = [(0, 0), (1, 1), (2, write.as_raw_fd())];
        let pid = Spawner::default().spawn(&child(&fds), Program::File(program(&["/nowhere"])));
        assert_eq!(ended(pid.unwrap()).code(), Some(127));
        drop(write);
        let said = crate::sys::fd::read_to_end(read.as_raw_fd()).unwrap();
        assert_eq!(said, b"unable to exec /nowhere: No such file or directory\n");
    }

    /// The write end of a pipe, under a number that is not low, and its read end.
    fn pipe() -> (OwnedFd, OwnedFd) {
        use nix::fcntl::{FcntlArg, fcntl};
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let high = fcntl(&write, FcntlArg::F_DUPFD_CLOEXEC(LOW)).unwrap();
        (read, crate::sys::fd::own(high))
    }

    #[test]
    fn what_is_passed_on_can_be_closed_at_once() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        for number in [3, 7, LOW - 1, LOW, 1000] {
            let (read, write) = pipe();
            let passing = [(number, write.as_raw_fd())];
            let child = Child { passing: &passing, ..child(&INHERITED) };
            let list = format!("ls /proc/self/fd > /proc/self/fd/{number}");
            let pid = nursery.start(&child, program(&["/bin/sh", "-c", &list])).unwrap();
            drop(write);
            ended(pid);
            assert!(!nursery.settle());
            let listed = crate::sys::fd::read_to_end(read.as_raw_fd()).unwrap();
            let listed = String::from_utf8(listed).unwrap();
            let found: Vec<RawFd> = listed.lines().map(|line| line.parse().unwrap()).collect();
            let wanted = [0, 1, 2, number];
            assert!(wanted.iter().all(|fd| found.contains(fd)), "{number}: {found:?}");
            assert_eq!(found.len(), wanted.len() + 1, "and the folder itself: {found:?}");
        }
    }

    #[test]
    fn what_is_lent_is_taken_back() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        let free = nursery.slots.free();
        assert!(free > 2, "{free}");
        let (_read, write) = pipe();
        let passing = [(3, write.as_raw_fd()), (4, write.as_raw_fd())];
        let child = Child { passing: &passing, ..child(&INHERITED) };
        let started: Vec<Pid> =
            (0..200).filter_map(|_| nursery.start(&child, program(&["/bin/true"])).ok()).collect();
        assert!(started.len() >= free / 2);
        started.into_iter().map(ended).for_each(|status| assert_eq!(status.code(), Some(0)));
        assert!(!nursery.settle());
        assert_eq!(nursery.slots.free(), free);
    }

    #[test]
    fn what_needs_more_comes_back() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        for fds in [
            &[(0, 0), (1, LOW), (2, 2)][..],
            &[(0, 0), (1, 1), (2, 2), (3, 0), (4, 0), (5, 0)],
            &[(0, 1), (1, 0), (2, 2)],
            &[(0, 0), (1, 2), (2, 1)],
        ] {
            assert!(nursery.start(&child(fds), program(&["/bin/true"])).is_err(), "{fds:?}");
        }
        let apart = Child { new_pid_namespace: true, ..child(&INHERITED) };
        assert!(nursery.start(&apart, program(&["/bin/true"])).is_err());
    }
}
