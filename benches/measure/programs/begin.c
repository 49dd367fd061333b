/* begin prog...: the moment before the first program of a container. */
#include "stamp.h"

int main(int argc, char **argv, char **env)
{
	if (argc < 2)
		return 100;
	stamp('0');
	execve(argv[1], argv + 1, env);
	return 127;
}
