/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors for names that are not a device: an interface, a socket, a path. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <vionet/vionet.h>

#include "pci/host/sysfs.h"

static char root[] = "/tmp/vionet-names-XXXXXX";

/* Make a folder below the root, with those above it. */
static void make(const char *path)
{
	char whole[512], *slash;

	snprintf(whole, sizeof(whole), "%s/%s/", root, path);
	for (slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void make_link(const char *to, const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	assert_int_equal(symlink(to, whole), 0);
}

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	make("devices/pci0000:00/0000:00:1c.0/0000:01:00.3/virtio1/net/eth0");
	make("devices/pci0000:00/0000:00:04.0/net/ens4");
	make("devices/virtual/net/lo");
	make("class/net");
	make_link("../../devices/pci0000:00/0000:00:1c.0/0000:01:00.3/virtio1/net/eth0",
		  "class/net/eth0");
	make_link("../../../virtio1",
		  "devices/pci0000:00/0000:00:1c.0/0000:01:00.3/virtio1/net/eth0/device");
	make_link("../../devices/pci0000:00/0000:00:04.0/net/ens4", "class/net/ens4");
	make_link("../../../0000:00:04.0", "devices/pci0000:00/0000:00:04.0/net/ens4/device");
	make_link("../../devices/virtual/net/lo", "class/net/lo");
	vn_sysfs_set_root(root);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* Each call that takes a function's name gives the same error. */
static void refused(const char *name, const char *words)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	struct vionet_device *device;

	assert_int_equal(vionet_device_open(name, NULL, &device), -EINVAL);
	if (strstr(vionet_error_text(), words) == NULL)
		fail_msg("%s: %s", name, vionet_error_text());
	assert_int_equal(vionet_pci_lookup(name, &function), -EINVAL);
	if (strstr(vionet_error_text(), words) == NULL)
		fail_msg("%s: %s", name, vionet_error_text());
}

static void interfaces(void **state)
{
	(void)state;
	refused("eth0", "\"eth0\" is a network interface, of function 0000:01:00.3; name that");
	refused("ens4", "\"ens4\" is a network interface, of function 0000:00:04.0; name that");
	refused("lo", "\"lo\" is a network interface, and no PCI function is behind it");
	refused("eth1", "\"eth1\" is no PCI address; write it as 0000:00:04.0");
	refused(".", "\".\" is no PCI address");
	refused("..", "\"..\" is no PCI address");
	refused("", "\"\" is no PCI address; write it as 0000:00:04.0");
}

static void sockets(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char words[256], before[256];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/a:socket", root);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(words, sizeof(words), "\"%s\" is a socket; say what it speaks: vfio-user:%s or "
		 "vhost-user:%s", address.sun_path, address.sun_path, address.sun_path);
	refused(address.sun_path, words);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(root), 0);
	refused("a:socket", "\"a:socket\" is a socket; say what it speaks: vfio-user:a:socket or ");
	assert_int_equal(chdir(before), 0);
	close(fd);
	refused("/run/nowhere", "for a socket write vfio-user:PATH or vhost-user:PATH");
	refused("/run/x:y:z.0", "for a socket write vfio-user:PATH or vhost-user:PATH");
	refused("vhost-user", "a socket as vfio-user:PATH or vhost-user:PATH");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces),
		cmocka_unit_test(sockets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
