//! Children that share our memory until they execute their program. No page table is copied for
//! them, and no page of ours has to be copied afterwards because they had it too.
//!
//! Unlike after vfork(2), we go on meanwhile: a program on a file system that hangs must not hold
//! up everything else. So such a child has a stack of its own, and looks at nothing but its place.

use super::offer::{SHARED_MEMORY, SHARED_TABLE};
use super::setup::{DescriptorMove, Setup};
use super::slots::{self, Slots};
use super::stacks::Stacks;
use super::{Child, LOW, SpawnError};
use crate::sys::exec::Execve;
use crate::sys::raw;
use nix::libc;
use nix::unistd::Pid;
use std::cell::UnsafeCell;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// How many may be starting at a time. Others are forked.
const PLACES: usize = 32;

/// How many descriptors each of them may get.
const MOST: usize = 5;

/// The places in which such children begin.
#[derive(Debug)]
pub(super) struct Nursery {
    places: Box<[Place]>,
    /// What we know about the child in each place; the child does not access that.
    tenants: Vec<Tenant>,
    /// `None`: there is no memory for them.
    stacks: Option<Stacks>,
    slots: Slots,
    /// How many children may still use our table, and so need what was lent to them.
    borrowers: usize,
}

/// The data of a child that both we and the child access.
#[derive(Debug, Default)]
struct Place {
    /// Not 0 while a child is here. The kernel writes 0 when it has left our memory.
    running: AtomicI32,
    /// Whether the child needs our descriptor table no longer.
    is_apart: AtomicBool,
    /// Its task: the child reads it while it is here, and we write it only while no child is.
    task: UnsafeCell<ChildTask>,
}

/// The task of a child.
#[derive(Debug, Default)]
struct ChildTask {
    setup: Option<Setup>,
    fds: Fds,
    program: Execve,
}

/// Numbers there and here, in the order of the former; -1: no more.
type Fds = [DescriptorMove; MOST];

/// What we know of the child in a place.
#[derive(Debug, Default)]
struct Tenant {
    pid: i32,
    /// The reserved numbers that are lent to it.
    lent: Vec<OwnedFd>,
}

/// Why a child was not started here.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// It needs more than can be done here, or there is no place: it has to be forked.
    Unsuited(Execve),
    /// The kernel makes no process at all.
    Failed(SpawnError),
}

impl Default for Nursery {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| Place::default()).collect(),
            tenants: (0..PLACES).map(|_| Tenant::default()).collect(),
            stacks: Stacks::reserve(PLACES).ok(),
            slots: Slots::reserve(),
            borrowers: 0,
        }
    }
}

impl Nursery {
    /// Starts a program, if it needs no more than what can be done here.
    pub(super) fn start(&mut self, child: &Child, program: Execve) -> Result<Pid, NotStarted> {
        self.settle();
        let Some((at, stack)) = self.free_place().filter(|_| SHARED_MEMORY.is_there()) else {
            return Err(NotStarted::Unsuited(program));
        };
        let shares_table = SHARED_TABLE.is_there();
        let lent_and_fds = match shares_table {
            true => lend(child, &mut self.slots),
            false => given(child, child.passing.iter().copied()).map(|fds| (Vec::new(), fds)),
        };
        let Some((lent, fds)) = lent_and_fds else { return Err(NotStarted::Unsuited(program)) };
        let setup = Setup { shares_table, session: child.session, nofile: child.nofile };
        let place = &self.places[at];
        place.begin(ChildTask { setup: Some(setup), fds, program }, !shares_table);
        let flags = if shares_table { libc::CLONE_FILES } else { 0 } | libc::SIGCHLD;
        let argument = std::ptr::from_ref(place).cast();
        // SAFETY: the stack is this child's alone until `running` is 0, so is what it reads of its
        // place, and `begin` never returns.
        match unsafe { raw::clone(flags, stack, place.running.as_ptr(), begin, argument) } {
            Ok(pid) => {
                self.borrowers += usize::from(!lent.is_empty());
                self.tenants[at] = Tenant { pid: pid as i32, lent };
                Ok(Pid::from_raw(pid as i32))
            }
            Err(e) => {
                self.slots.take_back(lent);
                let program = place.give_up();
                Err(match SHARED_MEMORY.is_refused(e) {
                    true => NotStarted::Unsuited(program),
                    false => NotStarted::Failed(SpawnError::Process(e)),
                })
            }
        }
    }

    /// A place without a child, and the upper end of its stack.
    fn free_place(&mut self) -> Option<(usize, *mut u8)> {
        let at = self.places.iter().position(Place::is_free)?;
        Some((at, self.stacks.as_mut()?.top(at).ok()?))
    }

    /// Lets go of what children have taken over meanwhile. Whether some still have to.
    pub(super) fn settle(&mut self) -> bool {
        if self.borrowers > 0 {
            let both = self.places.iter().zip(&mut self.tenants);
            for (_, tenant) in both.filter(|(p, t)| !t.lent.is_empty() && p.is_apart()) {
                self.slots.take_back(std::mem::take(&mut tenant.lent));
                self.borrowers -= 1;
            }
        }
        self.borrowers > 0
    }

    /// Must be called when a process has ended: one that was killed before its execve has left its
    /// place, too, which kernels before 4.8 do not record.
    pub(super) fn has_ended(&mut self, pid: Pid) {
        let mut both = self.places.iter().zip(&self.tenants);
        if let Some((place, _)) = both.find(|(_, tenant)| tenant.pid == pid.as_raw()) {
            place.running.store(0, Ordering::Release);
        }
    }
}

/// The memory that starting children still use is not freed.
impl Drop for Nursery {
    fn drop(&mut self) {
        if !self.places.iter().all(Place::is_free) {
            Box::leak(std::mem::take(&mut self.places));
            std::mem::forget(self.stacks.take());
        }
    }
}

/// What a child gets that shares our table: what may be closed here is lent to it under reserved
/// numbers. `None`: something of it is not at a low number, or there is too much.
fn lend(child: &Child, slots: &mut Slots) -> Option<(Vec<OwnedFd>, Fds)> {
    if !child.fds.iter().all(|(_, from)| (0..LOW).contains(from)) {
        return None;
    }
    let passing: Vec<RawFd> = child.passing.iter().map(|&(_, from)| from).collect();
    let lent = slots.lend(&passing)?;
    let copies = child.passing.iter().zip(slots::numbers(&lent)).map(|(&(to, _), slot)| (to, slot));
    match given(child, copies) {
        Some(fds) => Some((lent, fds)),
        None => {
            slots.take_back(lent);
            None
        }
    }
}

/// What a child gets, as its task has it. `None`: there is too much.
fn given(child: &Child, passing: impl Iterator<Item = DescriptorMove>) -> Option<Fds> {
    if child.new_pid_namespace || child.fds.len() + child.passing.len() > MOST {
        return None;
    }
    let mut all = [(-1, -1); MOST];
    let given = child.fds.iter().copied().chain(passing);
    all.iter_mut().zip(given).for_each(|(place, one)| *place = one);
    Some(all)
}

/// Where the child begins.
///
/// # Safety
/// `place` points to its place.
unsafe extern "C" fn begin(place: *const libc::c_void) -> ! {
    // SAFETY: it is there until we are gone.
    let place = unsafe { &*place.cast::<Place>() };
    // SAFETY: nobody writes it before we are gone.
    let task = unsafe { &*place.task.get() };
    let code = task.run(|| place.is_apart.store(true, Ordering::Release)) as usize;
    loop {
        // SAFETY: it ends this child alone.
        let _ = unsafe { raw::call(libc::SYS_exit_group, [code, 0, 0, 0]) };
    }
}

impl Place {
    fn is_free(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Whether the child needs our descriptor table no longer.
    fn is_apart(&self) -> bool {
        self.is_apart.load(Ordering::Acquire) || self.is_free()
    }

    /// Gets ready for a child.
    fn begin(&self, task: ChildTask, is_apart: bool) {
        // SAFETY: the place is free: no child reads its task, and nobody else does.
        unsafe { *self.task.get() = task };
        self.is_apart.store(is_apart, Ordering::Relaxed);
        self.running.store(1, Ordering::Relaxed);
    }

    /// No child came; what it would have become.
    fn give_up(&self) -> Execve {
        self.running.store(0, Ordering::Relaxed);
        // SAFETY: as in `begin`.
        let task = unsafe { &mut *self.task.get() };
        std::mem::take(&mut task.program)
    }
}

impl ChildTask {
    /// Carries out the task, in the child. It returns only with a code to exit with.
    fn run(&self, is_apart: impl FnOnce()) -> i32 {
        let mut all = self.fds;
        let count = all.iter().take_while(|&&(to, _)| to >= 0).count();
        let (given, _) = all.split_at_mut(count);
        match self.setup.map(|setup| setup.apply(given, is_apart)) {
            // What is still open goes when the program is executed.
            Some(Ok(_)) => self.program.go(),
            Some(Err(failed)) => failed.report(self.program.file()),
            None => 111,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::{WaitStatus, wait};
    use crate::sys::spawn::{Program, Session, Spawner};
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
        // Asking would take this thread's table away from the others'.
        SHARED_TABLE.learn(true);
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
        let started: Vec<Pid> = (0..4 * PLACES).map(&mut start).collect();
        let codes: Vec<_> = started.into_iter().map(|pid| ended(pid).code()).collect();
        assert_eq!(codes, (0..4 * PLACES).map(|code| Some(code as u8)).collect::<Vec<_>>());
    }

    #[test]
    fn a_place_is_free_when_its_child_has_left_it() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        for program in [program(&["/bin/true"]), program(&["/nowhere"])] {
            let pid = nursery.start(&child(&INHERITED), program).unwrap();
            ended(pid);
            assert!(nursery.places.iter().all(Place::is_free));
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
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        (read, crate::sys::fd::duplicate(&write, LOW).unwrap())
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
        for fds in
            [&[(0, 0), (1, LOW), (2, 2)][..], &[(0, 0), (1, 1), (2, 2), (3, 0), (4, 0), (5, 0)]]
        {
            assert!(nursery.start(&child(fds), program(&["/bin/true"])).is_err(), "{fds:?}");
        }
        let apart = Child { new_pid_namespace: true, ..child(&INHERITED) };
        assert!(nursery.start(&apart, program(&["/bin/true"])).is_err());
    }

    /// What a child says whose program lists its descriptors 0 to 4, and their files' numbers.
    fn files_of_child(nursery: &mut Nursery, child: &Child) -> String {
        let (read, write) = pipe();
        let passing = [child.passing, &[(9, write.as_raw_fd())]].concat();
        let child = Child { passing: &passing, ..*child };
        let list = "for n in 0 1 2 3 4; do stat -L -c $n:%i /proc/self/fd/$n; done >&9 2>/dev/null";
        let pid = nursery.start(&child, program(&["/bin/sh", "-c", list])).unwrap();
        ended(pid);
        drop(write);
        assert!(!nursery.settle());
        String::from_utf8(crate::sys::fd::read_to_end(read.as_raw_fd()).unwrap()).unwrap()
    }

    #[test]
    fn numbers_may_overlap_and_the_table_need_not_be_shared() {
        let _turn = take_turns();
        let ends: Vec<(OwnedFd, OwnedFd)> = (0..2).map(|_| nix::unistd::pipe().unwrap()).collect();
        let here = ends.iter().map(|(read, _)| read.as_raw_fd()).collect::<Vec<_>>();
        let file = |fd: RawFd| nix::sys::stat::fstat(crate::sys::fd::borrow(&fd)).unwrap().st_ino;
        let (one, other) = (file(here[0]), file(here[1]));
        // Each number there is the other's here.
        let swapped = [(here[0], here[1]), (here[1], here[0])];
        let wanted =
            |number: RawFd| format!("{number}:{}\n", if number == here[0] { other } else { one });
        for shares_table in [true, false] {
            SHARED_TABLE.learn(shares_table);
            let mut nursery = Nursery::default();
            let said = files_of_child(&mut nursery, &child(&swapped));
            let numbers = here.iter().filter(|number| **number <= 4);
            for number in numbers {
                assert!(said.contains(&wanted(*number)), "{shares_table}: {said}");
            }
            let said = files_of_child(&mut nursery, &child(&[(3, here[0]), (4, here[1]), (1, 2)]));
            assert!(said.contains(&format!("3:{one}\n4:{other}\n")), "{shares_table}: {said}");
        }
        SHARED_TABLE.learn(true);
    }

    #[test]
    fn a_child_that_cannot_be_set_up_says_why_and_has_room_for_it() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        const PAINT: u8 = 0xa5;
        nursery.stacks.as_mut().unwrap().contents(0).fill(PAINT);
        let (read, write) = nix::unistd::pipe().unwrap();
        let fds = [(1, 1), (2, write.as_raw_fd()), (3, 31), (4, 4)];
        let pid = nursery.start(&child(&fds), program(&["./run"])).unwrap();
        assert_eq!(ended(pid).code(), Some(111));
        drop(write);
        let said = crate::sys::fd::read_to_end(read.as_raw_fd()).unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("sixtree: fatal: unable to start ./run in /"), "{said}");
        assert!(said.contains("descriptor 3 for it (dup3): Bad file number: "), "{said}");
        let stack = nursery.stacks.as_mut().unwrap().contents(0);
        let used = stack.len() - stack.iter().position(|&byte| byte != PAINT).unwrap();
        assert!(used < stack.len() / 4, "{used} bytes of {}", stack.len());
    }

    #[test]
    fn a_child_that_was_killed_has_left_its_place() {
        let _turn = take_turns();
        let mut nursery = Nursery::default();
        nursery.tenants[3].pid = 4711;
        nursery.places[3].running.store(1, Ordering::Relaxed);
        nursery.has_ended(Pid::from_raw(4711));
        assert!(nursery.places[3].is_free());
    }
}
