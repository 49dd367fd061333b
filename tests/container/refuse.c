/* refuse KERNEL PROG...: becomes a program for which the kernel is an older one, under Docker's
 * default seccomp profile. KERNEL is a version, as 4.18: system calls that are newer give ENOSYS.
 * `4.18-eperm`: they give EPERM, as under a profile that was written before there were any.
 * `4.18-admin`: the profile is that of a container with CAP_SYS_ADMIN.
 * `qemu` is no version, but what QEMU's user emulation makes of a kernel.
 *
 * The numbers are those of the architecture for which this is compiled. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __i386__
#define ARCH AUDIT_ARCH_I386
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __arm__
#define ARCH AUDIT_ARCH_ARM
#elif defined __riscv
#define ARCH AUDIT_ARCH_RISCV64
#elif defined __powerpc64__
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined __s390x__
#define ARCH AUDIT_ARCH_S390X
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif
#define ARGUMENT(n) (offsetof(struct seccomp_data, args[n]) + LOW_HALF)

/* The first argument of clone is the stack's address on s390, and the flags come second. */
#ifdef __s390x__
#define CLONE_FLAGS ARGUMENT(1)
#else
#define CLONE_FLAGS ARGUMENT(0)
#endif

#define VERSION(major, minor) ((major) * 1000 + (minor))

/* System calls, and since which version there are any. Below, by number: from 424 on a number is
 * the same call on every architecture. */
static const struct { int number, since; } newer[] = {
    { SYS_sched_setattr, VERSION(3, 14) },
    { SYS_sched_getattr, VERSION(3, 14) },
    { SYS_renameat2, VERSION(3, 15) },
    { SYS_seccomp, VERSION(3, 17) },
    { SYS_getrandom, VERSION(3, 17) },
    { SYS_memfd_create, VERSION(3, 17) },
    { SYS_bpf, VERSION(3, 18) },
    { SYS_execveat, VERSION(3, 19) },
    { SYS_userfaultfd, VERSION(4, 3) },
    { SYS_membarrier, VERSION(4, 3) },
    { SYS_mlock2, VERSION(4, 4) },
    { SYS_copy_file_range, VERSION(4, 5) },
    { SYS_preadv2, VERSION(4, 6) },
    { SYS_pwritev2, VERSION(4, 6) },
    { SYS_pkey_mprotect, VERSION(4, 9) },
    { SYS_pkey_alloc, VERSION(4, 9) },
    { SYS_pkey_free, VERSION(4, 9) },
    { SYS_statx, VERSION(4, 11) },
#ifdef SYS_io_pgetevents
    { SYS_io_pgetevents, VERSION(4, 18) },
#endif
    { SYS_rseq, VERSION(4, 18) },
    { 424 /* pidfd_send_signal */, VERSION(5, 1) },
    { 425 /* io_uring_setup */, VERSION(5, 1) },
    { 426 /* io_uring_enter */, VERSION(5, 1) },
    { 427 /* io_uring_register */, VERSION(5, 1) },
    { 428 /* open_tree */, VERSION(5, 2) },
    { 429 /* move_mount */, VERSION(5, 2) },
    { 430 /* fsopen */, VERSION(5, 2) },
    { 431 /* fsconfig */, VERSION(5, 2) },
    { 432 /* fsmount */, VERSION(5, 2) },
    { 433 /* fspick */, VERSION(5, 2) },
    { 434 /* pidfd_open */, VERSION(5, 3) },
    { 435 /* clone3 */, VERSION(5, 3) },
    { 436 /* close_range */, VERSION(5, 9) },
    { 437 /* openat2 */, VERSION(5, 6) },
    { 438 /* pidfd_getfd */, VERSION(5, 6) },
    { 439 /* faccessat2 */, VERSION(5, 8) },
    { 440 /* process_madvise */, VERSION(5, 10) },
};

/* Every number from here on, up to those that are an architecture's own, came with 5.11. */
enum { SINCE_5_11 = 441, NO_NUMBER = 1024 };

#if __SIZEOF_POINTER__ == 4
/* Those with a time_t of 64 bits came with 5.1. */
enum { FIRST_TIME64 = 403, LAST_TIME64 = 423 };
#endif

/* What Docker's default profile refuses to a container without further capabilities. */
static const int refused[] = {
    SYS_acct, SYS_add_key, SYS_clock_settime, SYS_delete_module, SYS_finit_module,
    SYS_get_mempolicy, SYS_init_module, SYS_kcmp, SYS_keyctl, SYS_mbind, SYS_move_pages,
    SYS_open_by_handle_at, SYS_pivot_root, SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace,
    SYS_reboot, SYS_request_key, SYS_set_mempolicy, SYS_settimeofday, SYS_swapoff, SYS_swapon,
    SYS_userfaultfd, SYS_vhangup,
};

/* What it allows to one with CAP_SYS_ADMIN. */
static const int for_admins[] = {
    SYS_bpf, SYS_fanotify_init, SYS_mount, SYS_perf_event_open, SYS_quotactl, SYS_setdomainname,
    SYS_sethostname, SYS_setns, SYS_syslog, SYS_umount2, SYS_unshare,
};

/* CLONE_NEW*: a clone with any of them is refused, too. */
enum { NAMESPACES = 0x7e020000 };

/* clone's flags with which QEMU's user emulation can make a fork of it or a thread, or neither. */
enum { VM = 0x100, FILES = 0x400, VFORK = 0x4000, THREAD = 0x10000 };

/* fcntl's commands for locks of open files came with 3.15. */
enum { OFD_GETLK = 36, OFD_SETLKW = 38 };

/* close_range's flags: the first came with it, the other with 5.11; QEMU knows the other alone. */
enum { CLOSE_RANGE_UNSHARE_FLAG = 2, CLOSE_RANGE_CLOEXEC_FLAG = 4 };

static struct sock_filter filter[1024];
static unsigned short length;

static void add(struct sock_filter instruction)
{
    filter[length++] = instruction;
}

static void load(unsigned offset)
{
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void answer(unsigned action)
{
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void jump(unsigned short how, unsigned with, unsigned char if_so, unsigned char if_not)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, with, if_so, if_not));
}

/* The call of this number fails; the number is what was loaded last, before and after. */
static void fail(int number, int error)
{
    jump(BPF_JEQ, number, 0, 1);
    answer(SECCOMP_RET_ERRNO | error);
}

static void fail_between(int first, int last, int error)
{
    jump(BPF_JGE, first, 0, 2);
    jump(BPF_JGT, last, 1, 0);
    answer(SECCOMP_RET_ERRNO | error);
}

/* The call of this number fails if its argument has one of these bits, but none of those. */
static void fail_with_bits(int number, unsigned argument, unsigned bits, unsigned but, int error)
{
    jump(BPF_JEQ, number, 0, 5);
    load(argument);
    jump(BPF_JSET, but, 2, 0);
    jump(BPF_JSET, bits, 0, 1);
    answer(SECCOMP_RET_ERRNO | error);
    load(offsetof(struct seccomp_data, nr));
}

static void fail_with_command(int number, int first, int last, int error)
{
    jump(BPF_JEQ, number, 0, 5);
    load(ARGUMENT(1));
    jump(BPF_JGE, first, 0, 2);
    jump(BPF_JGT, last, 1, 0);
    answer(SECCOMP_RET_ERRNO | error);
    load(offsetof(struct seccomp_data, nr));
}

static void as_before(int version, int error)
{
    for (unsigned i = 0; i < sizeof newer / sizeof *newer; i++)
        if (newer[i].since > version) fail(newer[i].number, error);
    if (version < VERSION(5, 11)) {
        fail_between(SINCE_5_11, NO_NUMBER, error);
        fail_with_bits(436, ARGUMENT(2), CLOSE_RANGE_CLOEXEC_FLAG, 0, EINVAL);
    }
#if __SIZEOF_POINTER__ == 4
    if (version < VERSION(5, 1)) fail_between(FIRST_TIME64, LAST_TIME64, error);
#endif
    if (version < VERSION(3, 15)) {
        fail_with_command(SYS_fcntl, OFD_GETLK, OFD_SETLKW, EINVAL);
#ifdef SYS_fcntl64
        fail_with_command(SYS_fcntl64, OFD_GETLK, OFD_SETLKW, EINVAL);
#endif
    }
}

static void as_docker(int is_admin)
{
    for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) fail(refused[i], EPERM);
    if (is_admin) return;
    for (unsigned i = 0; i < sizeof for_admins / sizeof *for_admins; i++) fail(for_admins[i], EPERM);
    fail_with_bits(SYS_clone, CLONE_FLAGS, NAMESPACES, 0, EPERM);
    fail(435 /* clone3 */, ENOSYS);
    fail_between(428 /* open_tree */, 433 /* fspick */, EPERM);
}

static void as_qemu(void)
{
    fail_with_bits(SYS_clone, CLONE_FLAGS, VM | FILES, VFORK | THREAD, EINVAL);
    fail(435 /* clone3 */, ENOSYS);
    fail_with_bits(436 /* close_range */, ARGUMENT(2), CLOSE_RANGE_UNSHARE_FLAG, 0, EINVAL);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 100;
    load(offsetof(struct seccomp_data, arch));
    jump(BPF_JEQ, ARCH, 1, 0);
    answer(SECCOMP_RET_ALLOW);
    load(offsetof(struct seccomp_data, nr));
    int major, minor;
    if (sscanf(argv[1], "%d.%d", &major, &minor) == 2) {
        as_before(VERSION(major, minor), strstr(argv[1], "-eperm") ? EPERM : ENOSYS);
        as_docker(strstr(argv[1], "-admin") != NULL);
    } else if (strcmp(argv[1], "qemu") == 0) {
        as_qemu();
    } else {
        fprintf(stderr, "refuse: no such kernel: %s\n", argv[1]);
        return 100;
    }
    answer(SECCOMP_RET_ALLOW);
    struct sock_fprog program = { length, filter };
    /* Whoever may, leaves the right to gain privileges to the program. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))) {
        perror("refuse: seccomp");
        return 111;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 111;
}
