/* A stamp: the time, and a letter that says what it is of. A pipe takes it in one piece. */
#include <stdint.h>
#include <time.h>
#include <unistd.h>

struct stamp {
	uint64_t ns;
	uint64_t letter;
};

static void stamp(char letter)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	struct stamp s = {now.tv_sec * 1000000000ull + now.tv_nsec, (unsigned char)letter};
	if (write(1, &s, sizeof s) != sizeof s)
		_exit(111);
}
