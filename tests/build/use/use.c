/* SPDX-License-Identifier: BSD-3-Clause */
/* Built against an installed vionet, as C and as C++: see tests/build/install. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vionet/vionet.h>

int main(int argc, char **argv)
{
	struct vionet_pci_function *functions;
	struct vionet_device *device;
	size_t count;
	int result;

	if (argc != 2 || strcmp(vionet_version(), argv[1]) != 0 ||
	    vionet_version_number() != VIONET_VERSION_NUMBER) {
		printf("version %s\n", vionet_version());
		return 1;
	}
	result = vionet_pci_list(&functions, sizeof(*functions), &count);
	if (result != 0) {
		printf("list: %d, %s\n", result, vionet_error_text());
		return 1;
	}
	vionet_pci_list_free(functions);
	result = vionet_device_open("no such name", NULL, &device);
	printf("%zu functions; open: %d, %s\n", count, result, vionet_error_text());
	return result == -EINVAL && device == NULL &&
	       strstr(vionet_error_text(), "no such name") ? 0 : 1;
}
