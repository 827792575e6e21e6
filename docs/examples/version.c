/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/version.h>

/* Print the library's version, and whether it is the one of the headers. */
static int print_version(void)
{
	printf("vionet %s\n", vionet_version());
	return vionet_version_number() == VIONET_VERSION_NUMBER ? 0 : 1;
}

int main(void)
{
	return print_version();
}
