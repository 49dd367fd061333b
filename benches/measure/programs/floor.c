/* floor KIND COUNT: the least that an init can do: forks, executes the same programs in the same
   order as a tree of that kind, waits for what is to be waited for, then starts the CMD. After a
   TERM it ends them all. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void stop(int number)
{
	(void)number;
	stopping = 1;
}

static pid_t start(const char *program, int ready)
{
	char *argv[] = {(char *)program, 0}, *env[] = {"PATH=/command:/usr/bin:/bin", 0};
	pid_t pid = fork();
	if (pid == 0) {
		if (ready >= 0)
			dup2(ready, 3);
		execve(program, argv, env);
		_exit(127);
	}
	if (pid < 0)
		_exit(111);
	return pid;
}

static void wait_for(int count)
{
	while (count-- > 0)
		wait(0);
}

static void start_and_wait_until_ready(void)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) != 0)
		_exit(111);
	start("/bench/ready", ends[1]);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		_exit(111);
	close(ends[0]);
}

/* What a block costs: a process that runs a program, and becomes the next. */
static void start_block(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		waitpid(start("/bench/once", -1), 0, 0);
		char *argv[] = {"/bench/once", 0}, *env[] = {"PATH=/command:/usr/bin:/bin", 0};
		execve(argv[0], argv, env);
		_exit(127);
	}
}

static int bring_up(const char *kind, int count)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(kind, "longruns"))
			start("/bench/daemon", -1);
		else if (!strcmp(kind, "ready-chain"))
			start_and_wait_until_ready();
		else if (!strcmp(kind, "oneshots"))
			start("/bench/once", -1);
		else if (!strcmp(kind, "oneshot-chain"))
			waitpid(start("/bench/once", -1), 0, 0);
		else
			start_block();
	}
	if (kind[0] != 'o' && kind[0] != 'b')
		return count;
	wait_for(strcmp(kind, "oneshot-chain") ? count : 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 100;
	struct sigaction action = {.sa_handler = stop};
	sigaction(SIGTERM, &action, 0);
	int alive = bring_up(argv[1], atoi(argv[2]));
	start("/bench/cmd", -1);
	sigset_t before, term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	while (!stopping)
		sigsuspend(&before);
	kill(-1, SIGTERM);
	wait_for(alive + 1);
	return 0;
}
