/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the vfio-user client share: the software device behind a proxy, a
 * function or device opened over it, and an eye on descriptors that are left open. */
#ifndef VIONET_TESTS_VFIO_USER_ENV_H
#define VIONET_TESTS_VFIO_USER_ENV_H

#include "tests/unit/env.h"
#include "tests/unit/vfio_user_proxy.h"

/* Set-up and tear-down: a proxy that is not started yet. Nothing may be left open. */
int set_up_proxy(void **state);
int tear_down_proxy(void **state);
struct proxy *proxy_of(void **state);

#define with_proxy(name) \
	cmocka_unit_test_setup_teardown(name, set_up_proxy, tear_down_proxy)

/* Open it, or fail. */
struct vn_function *open_function(struct proxy *p);
struct vionet_device *open_device(struct proxy *p);

/* A file of the BAR's size takes the place of the device's, which can be mapped then. */
void map_bar_file(struct proxy *p, int fd);

/* With these seals. */
int bar_file(int seals);

/* How often the client has sent this command, and written to a doorbell by message. */
unsigned int requests(struct proxy *p, unsigned int command);
unsigned int doorbells(struct proxy *p);

/* One attempt to open a function whose proxy has a hook: its result, and how long it
 * took, and without waiting for a processor. */
struct attempt {
	int result;
	double took, own;
	unsigned int messages;
};

struct proxy *proxy_with(proxy_hook what, int number);
struct attempt attempt_on(struct proxy *p);
struct attempt attempt(proxy_hook what, int number);

/* Refused at once, with this in the text. */
void refused(proxy_hook what, int number, int result, const char *text);

/* Set-up and tear-down of tests that make proxies themselves. */
int count_descriptors(void **state);
int same_descriptors(void **state);

#define counted(name) \
	cmocka_unit_test_setup_teardown(name, count_descriptors, same_descriptors)

#endif
