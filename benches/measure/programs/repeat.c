/* repeat COUNT PAUSE_MS prog... [+ prog...]: runs programs in turns, waits for each, and stamps the
   moments before and after it: the first with A and a, the second with B and b. Then it stays. */
#include "stamp.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void run(char **argv, char **env, int at)
{
	stamp('A' + at);
	pid_t pid = fork();
	if (pid == 0) {
		/* What it says is not to be taken for a stamp. */
		dup2(2, 1);
		execve(argv[0], argv, env);
		_exit(127);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		_exit(1);
	stamp('a' + at);
}

int main(int argc, char **argv, char **env)
{
	if (argc < 4)
		return 100;
	int count = atoi(argv[1]), ms = atoi(argv[2]);
	struct timespec rest = {ms / 1000, ms % 1000 * 1000000l};
	char **programs[2] = {argv + 3, 0};
	int known = 1;
	for (int i = 3; i < argc; i++)
		if (known < 2 && !strcmp(argv[i], "+")) {
			argv[i] = 0;
			programs[known++] = argv + i + 1;
		}
	for (int i = 0; i < count; i++)
		for (int at = 0; at < known; at++) {
			nanosleep(&rest, 0);
			run(programs[at], env, at);
		}
	stamp('c');
	for (;;)
		pause();
}
