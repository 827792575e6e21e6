/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

int main(void)
{
	printf("vionet %s\n", vionet_version());
	return 0;
}
