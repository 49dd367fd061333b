/* The end of a script. */
int main(void)
{
	return 0;
}
