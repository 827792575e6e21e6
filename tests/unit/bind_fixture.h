/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixture of the tests of bind and unbind: a host of plain files with one NIC. */
#ifndef VIONET_TESTS_BIND_FIXTURE_H
#define VIONET_TESTS_BIND_FIXTURE_H

#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include <vionet/error.h>
#include <vionet/pci.h>

#include "tests/unit/fake_sysfs.h"

#define ADDRESS "0000:00:04.0"
#define OVERRIDE "sys/bus/pci/devices/" ADDRESS "/driver_override"

static struct fake_sysfs fake;
static char previous[64];

static inline int setup(void **state)
{
	(void)state;
	fake_create(&fake);
	fake_start(&fake);
	strcpy(previous, "untouched");
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	fake_destroy(&fake);
	return 0;
}

#define ADD(...) fake_add_function(&fake, &(struct fake_function){ __VA_ARGS__ })

/* The NIC of most tests. */
static inline void add_nic(const char *driver)
{
	ADD(.address = ADDRESS, .group = 7, .driver = driver,
	    .interface = "ens4");
}

/* Bind one function. `previous`: the driver it was bound to, "" after a failure. */
static inline int bind_one(const char *address, unsigned int flags)
{
	struct vionet_pci_move *moves;
	size_t count;
	int result = vionet_pci_bind(&address, 1, flags, &moves, sizeof(*moves), &count);

	previous[0] = '\0';
	if (result == 0)
		snprintf(previous, sizeof(previous), "%s", moves[0].from);
	vionet_pci_moves_free(moves);
	return result;
}

static inline int bind_nic(unsigned int flags)
{
	return bind_one(ADDRESS, flags);
}

static inline int unbind_one(const char *address, const char *driver)
{
	return vionet_pci_unbind(&address, 1, driver, 0, NULL, 0, NULL);
}

/* As if process 123 had the node open. */
static inline void opened_by_another(const char *node)
{
	char target[FAKE_PATH + 64], link[FAKE_PATH + 64];

	fake_write(&fake, "cloud-hypervisor\n", "proc/123/comm");
	fake_write(&fake, "", "proc/123/fd/0");
	snprintf(target, sizeof(target), "%s/%s", fake.vfio, node);
	snprintf(link, sizeof(link), "%s/123/fd/9", fake.proc);
	assert_int_equal(symlink(target, link), 0);
}

static inline void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not have \"%s\"", text, part);
}

static inline void assert_remedy_code(enum vionet_remedy remedy, const char *of)
{
	const char *address;

	assert_int_equal(vionet_error_remedy(&address), remedy);
	assert_string_equal(address, of);
}

static inline void assert_override(const char *expected)
{
	char text[64];

	snprintf(text, sizeof(text), "%.63s", fake_read(&fake, OVERRIDE));
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, expected);
}

/* Refused before anything changed: no attribute was written. */
static inline void assert_untouched(const char *driver)
{
	fake_stop(&fake);
	assert_string_equal(fake_driver(&fake, ADDRESS), driver);
	assert_string_equal(fake_log(&fake), "");
	assert_override("(null)");
	assert_string_equal(fake_read(&fake, "sys/bus/pci/drivers_probe"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
