/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/device.h>
#include <vionet/error.h>

/* Open a device, and print the error. */
static struct vionet_device *open_or_complain(const char *name)
{
	struct vionet_device *device;

	if (vionet_device_open(name, NULL, &device))
		fprintf(stderr, "%s\n", vionet_error_text());
	return device;
}

/* What the user can do about it, in this program's words. */
static void suggest(void)
{
	const char *address;

	if (vionet_error_remedy(&address) == VIONET_REMEDY_BIND)
		fprintf(stderr, "bind %s to vfio-pci first\n", address);
}

/* Print text from an untrusted source. */
static void print_clean(char *text)
{
	puts(vionet_text_clean(text));
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	struct vionet_device *device = open_or_complain(argv[1]);

	print_clean(argv[1]);
	if (!device)
		suggest();
	return vionet_device_close(device) != 0;
}
