/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding a function to vfio-pci, and giving it back, on a host of plain files: whatever fails, it has the driver that the result
 * says. The kernel of that host does what was written when the library closes the file. */
#include "tests/fail_nth/scenario.h"

#include "pci/host/host.h"
#include "tests/fail_nth/calls.h"
#include "tests/unit/bind_fixture.h"

static void serve(void)
{
	fake_serve(&fake);
}

/* Only if a call fails while the function is put back may it be without: then the text says what to type. */
static int check_driver(int result, const char *now, const char *before)
{
	const char *driver = fake_driver(&fake, ADDRESS);
	bool by_hand = strstr(vionet_error_text(), "by hand: echo") != NULL;

	if (result == 0 && strcmp(driver, now) != 0)
		wrong("it has driver '%s', not %s", driver, now);
	if (result < 0 && strcmp(driver, before) != 0 && strcmp(driver, now) != 0 && !(by_hand && nth.failure[1].done))
		wrong("it failed, and left driver '%s', not %s: %s", driver, before, vionet_error_text());
	return result;
}

static int bind(void)
{
	return check_driver(bind_nic(0), "vfio-pci", "virtio-pci");
}

static int unbind(const char *driver)
{
	const char *address = ADDRESS;
	struct vionet_pci_move *moves;
	size_t count;
	int result = vionet_pci_unbind(&address, 1, driver, 0, &moves, sizeof(*moves), &count);

	vionet_pci_moves_free(moves);
	return check_driver(result, driver ? driver : "virtio-pci", "vfio-pci");
}

static int list(void)
{
	struct vionet_pci_function *functions;
	size_t count;
	int result = vionet_pci_list(&functions, sizeof(*functions), &count);

	vionet_pci_list_free(functions);
	return result;
}

static void run_bind(void)
{
	fake_write(&fake, "", OVERRIDE);
	fake_bind(&fake, ADDRESS, NULL);
	fake_bind(&fake, ADDRESS, "virtio-pci");
	STEP(list());
	if (STEP(bind()) == 0)
		STEP(unbind(NULL));
	if (STEP(bind()) == 0)
		STEP(unbind("pci-stub"));
}

static void set_up(void)
{
	fake_create(&fake);
	vn_host.wait_ms = 10; /* its kernel is done at once */
	fake_add_driver(&fake, "pci-stub");
	add_nic("virtio-pci");
	ADD(.address = "0000:00:05.0", .group = 8, .driver = "virtio-pci", .interface = "ens5");
	nth_closed = serve;
}

static void tear_down(void)
{
	nth_closed = NULL;
	fake_destroy(&fake);
}

const struct scenario scenarios[] = {
	{ "bind", set_up, run_bind, tear_down },
	{ .name = NULL },
};
