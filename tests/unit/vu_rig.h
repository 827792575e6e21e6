/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the vfio-user client share: a server, a function or device opened
 * over it, and an eye on descriptors that are left open. */
#ifndef VIONET_TESTS_VU_RIG_H
#define VIONET_TESTS_VU_RIG_H

#include "tests/unit/env.h"
#include "tests/unit/vu_server.h"

/* Set-up and tear-down: a server that is not started yet. Nothing may be left open. */
int raise_rig(void **state);
int drop_rig(void **state);
struct vu_server *server_of(void **state);

#define with_rig(name) cmocka_unit_test_setup_teardown(name, raise_rig, drop_rig)

/* Open it, or fail. */
struct vn_function *open_function(struct vu_server *s);
struct vionet_device *open_device(struct vu_server *s);

/* The BAR as a file: of the right size, with these seals. */
int bar_file(int seals);

/* How often the client has said this. */
unsigned int said(struct vu_server *s, unsigned int command);

typedef void (*hook)(struct vu_server *server, const struct vu_message *request,
		     struct vu_message *reply);

/* One attempt to open a function whose server has a hook: its result, and how long it
 * took, and without waiting for a processor. */
struct attempt {
	int result;
	double took, own;
	unsigned int messages;
};

struct vu_server *server_with(hook what, int number);
struct attempt attempt_on(struct vu_server *s);
struct attempt attempt(hook what, int number);

/* Refused at once, with this in the text. */
void refused(hook what, int number, int result, const char *text);

/* Set-up and tear-down of tests that make servers themselves. */
int count_descriptors(void **state);
int same_descriptors(void **state);

#define counted(name) \
	cmocka_unit_test_setup_teardown(name, count_descriptors, same_descriptors)

#endif
