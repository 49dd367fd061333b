/* A oneshot that does nothing. */
#include "stamp.h"

int main(void)
{
	stamp('o');
	return 0;
}
