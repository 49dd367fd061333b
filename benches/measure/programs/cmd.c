/* A CMD: starts when all is up, and stays. */
#include "stamp.h"

int main(void)
{
	stamp('c');
	for (;;)
		pause();
}
