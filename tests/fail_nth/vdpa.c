/* SPDX-License-Identifier: BSD-3-Clause */
/* vhost-vdpa over the tests' own kernel (fake_vdpa.h). */
#include "tests/fail_nth/scenario.h"

#include "tests/unit/fake_vdpa.h"

static bool with_doorbells;

static int open_vdpa(const struct vionet_open_options *options, struct vionet_device **device)
{
	vdpa_reset_fake();
	vdpa.doorbells = with_doorbells;
	return vionet_device_open("vhost-vdpa:" VDPA_NODE, options, device);
}

static void work(void)
{
	if (vdpa.violation[0] != '\0')
		wrong("the device: %s", vdpa.violation);
	vdpa_work();
}

static void run_vdpa(void)
{
	live(&(struct life){ .open = open_vdpa, .pairs = 1, .between = work });
	if (vdpa.fd != -1)
		wrong("the node is open");
	if (vdpa.violation[0] != '\0')
		wrong("the device: %s", vdpa.violation);
}

static void set_up(void)
{
	vdpa_reset_fake();
}

static void set_up_doorbells(void)
{
	with_doorbells = true;
	vdpa_reset_fake();
}

const struct scenario scenarios[] = {
	{ "vhost-vdpa", set_up, run_vdpa, NULL },
	{ "vhost-vdpa-doorbells", set_up_doorbells, run_vdpa, NULL },
	{ .name = NULL },
};
