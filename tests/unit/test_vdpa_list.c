/* SPDX-License-Identifier: BSD-3-Clause */
/* What `vionet list` says of vDPA devices, from a folder that stands for sysfs. */
#include "tests/unit/test.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/shared/vdpa_list.h"
#include "tools/shared/vdpa_parents.h"

static char root[64];

static void run(const char *format, const char *a)
{
	char line[400];

	snprintf(line, sizeof(line), format, root, a);
	assert_int_equal(system(line), 0);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/vionet-vdpa-XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	run("rm -r %s%s", "");
	return 0;
}

/* A device below its parent, which is a folder of /sys/devices or that itself. */
static void add(const char *name, const char *parent)
{
	char line[800];

	snprintf(line, sizeof(line),
		 "cd %s && mkdir -p bus/vdpa/devices devices/%s/%s bus/vdpa/drivers/vhost_vdpa "
		 "bus/vdpa/drivers/virtio_vdpa && ln -s ../../../devices/%s/%s bus/vdpa/devices/%s",
		 root, parent, name, parent, name, name);
	assert_int_equal(system(line), 0);
}

static void no_bus_is_no_device(void **state)
{
	struct vdpa_device device;

	(void)state;
	assert_int_equal(vdpa_list_read(root, &device, 1), 0);
	assert_int_equal(vdpa_list_read("/nonexistent", &device, 1), 0);
}

static void each_has_its_driver_and_node(void **state)
{
	struct vdpa_device device[4];
	char text[800];

	(void)state;
	add("a0", "pci0000:00/0000:00:04.0");
	add("b0", ".");
	add("c0", ".");
	run("cd %s/bus/vdpa/devices/a0 && mkdir vhost-vdpa-3 && ln -s ../../../../bus/vdpa/drivers/vhost_vdpa driver%s", "");
	run("cd %s/bus/vdpa/devices/b0 && mkdir -p virtio7/net/eth5 && ln -s ../../bus/vdpa/drivers/virtio_vdpa driver%s", "");
	assert_int_equal(vdpa_list_read(root, device, 4), 3);
	assert_string_equal(device[0].name, "a0");
	assert_string_equal(device[0].parent, "0000:00:04.0");
	assert_string_equal(device[0].driver, "vhost_vdpa");
	assert_string_equal(device[0].node, "vhost-vdpa-3");
	assert_string_equal(vdpa_list_remedy(&device[0], text, sizeof(text)), "");
	assert_string_equal(device[1].parent, "");
	assert_string_equal(device[1].driver, "virtio_vdpa");
	assert_string_equal(device[1].interface, "eth5");
	vdpa_list_remedy(&device[1], text, sizeof(text));
	assert_non_null(strstr(text, "as eth5; when that is not in use: vionet bind b0"));
	assert_string_equal(device[2].driver, "");
	vdpa_list_remedy(&device[2], text, sizeof(text));
	assert_non_null(strstr(text, "it has no driver; run: vionet bind c0, or for its kernel driver: vionet unbind c0"));
	/* More than there is room for are counted. */
	memset(device, 0, sizeof(device));
	assert_int_equal(vdpa_list_read(root, device, 1), 3);
	assert_string_equal(device[1].name, "");
}

/* What the kernel says of vdpa_sim_net, as bytes: netlink's and the family's header, bus (none) and name,
 * classes, queues. Cut anywhere, and with any length of an attribute, nothing is read behind it. */
static void a_parent_is_what_the_kernel_says(void **state)
{
	static const uint8_t said[] = {
		0x48,
		0,
		0,
		0,
		0x1c,
		0,
		2,
		0,
		1,
		0,
		0,
		0,
		2,
		0,
		0,
		0,
		1,
		1,
		0,
		0,
		0x10,
		0,
		2,
		0,
		'v',
		'd',
		'p',
		'a',
		's',
		'i',
		'm',
		'_',
		'n',
		'e',
		't',
		0,
		0x0c,
		0,
		3,
		0,
		2,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0x08,
		0,
		15,
		0,
		3,
		0,
		0,
		0,
	};
	struct vdpa_parent parent;

	(void)state;
	assert_true(vdpa_parents_take(said, sizeof(said), &parent));
	assert_string_equal(parent.name, "vdpasim_net");
	assert_int_equal(parent.queues, 3);
	for (size_t size = 0; size < sizeof(said); size++) {
		uint8_t *part = malloc(size + 1);

		memcpy(part, said, size);
		(void)vdpa_parents_take(part, size, &parent);
		free(part);
	}
	for (unsigned int length = 0; length < 0x10000; length += 3)
		for (size_t at = 20; at < sizeof(said); at += at == 20 ? 16 : 12) {
			uint8_t *whole = malloc(sizeof(said));

			memcpy(whole, said, sizeof(said));
			whole[at] = (uint8_t)length;
			whole[at + 1] = (uint8_t)(length >> 8);
			(void)vdpa_parents_take(whole, sizeof(said), &parent);
			free(whole);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parent_is_what_the_kernel_says),
		cmocka_unit_test_setup_teardown(no_bus_is_no_device, make_root, remove_root),
		cmocka_unit_test_setup_teardown(each_has_its_driver_and_node, make_root,
						remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
