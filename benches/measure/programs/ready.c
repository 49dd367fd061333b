/* A longrun that tells its readiness at once, on descriptor 3. */
#include "stamp.h"

int main(void)
{
	stamp('d');
	if (write(3, "\n", 1) != 1)
		return 111;
	close(3);
	for (;;)
		pause();
}
