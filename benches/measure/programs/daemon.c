/* A longrun that does nothing. */
#include "stamp.h"

int main(void)
{
	stamp('d');
	for (;;)
		pause();
}
