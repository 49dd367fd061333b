/* refuse ERRNO PROG...: becomes a program for which newer system calls fail with this error, as
 * under a seccomp profile that was written before there were any. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const unsigned refused[] = {
    SYS_clone3,   SYS_close_range,   SYS_copy_file_range, SYS_epoll_pwait2, SYS_faccessat2,
    SYS_fsopen,   SYS_io_uring_setup, SYS_memfd_create,   SYS_mount_setattr, SYS_open_tree,
    SYS_openat2,  SYS_pidfd_open,    SYS_pidfd_send_signal, SYS_preadv2,    SYS_renameat2,
    SYS_rseq,     SYS_statx,         SYS_waitid,
};
enum { N = sizeof refused / sizeof *refused };

int main(int argc, char **argv)
{
    if (argc < 3) return 100;
    struct sock_filter filter[N + 3] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    for (unsigned i = 0; i < N; i++)
        filter[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], N - i, 0);
    filter[N + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[N + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(argv[1]));
    struct sock_fprog program = { N + 3, filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("refuse");
        return 111;
    }
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 111;
}
