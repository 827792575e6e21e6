/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vu_rig.h"

struct rig {
	struct vu_server *server;
	int descriptors;
};

static int descriptors;

int raise_rig(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->descriptors = open_descriptors();
	rig->server = vu_server_create();
	*state = rig;
	return 0;
}

int drop_rig(void **state)
{
	struct rig *rig = *state;
	int before = rig->descriptors;

	vu_server_destroy(rig->server);
	free(rig);
	if (open_descriptors() != before)
		fail_msg("%d descriptors were open, now %d", before,
			 open_descriptors());
	return 0;
}

struct vu_server *server_of(void **state)
{
	return ((struct rig *)*state)->server;
}

struct vn_function *open_function(struct vu_server *s)
{
	struct vn_function *function;

	if (vn_function_open_vfio_user(s->path, &function))
		fail_msg("%s", vionet_error_text());
	return function;
}

struct vionet_device *open_device(struct vu_server *s)
{
	struct vionet_device *device;
	char name[100];

	snprintf(name, sizeof(name), "vfio-user:%s", s->path);
	if (vionet_device_open(name, NULL, &device))
		fail_msg("%s", vionet_error_text());
	return device;
}

int bar_file(int seals)
{
	int fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, 0x4000), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

unsigned int said(struct vu_server *s, unsigned int command)
{
	unsigned int count;

	pthread_mutex_lock(&s->lock);
	count = s->said[command];
	pthread_mutex_unlock(&s->lock);
	return count;
}

/* ---- one attempt ---- */

struct vu_server *server_with(hook what, int number)
{
	struct vu_server *s = vu_server_create();

	s->hook = what;
	s->number = number;
	s->has_req = true;
	return s;
}

struct attempt attempt_on(struct vu_server *s)
{
	struct attempt a;
	struct vn_function *f;
	struct watch start;

	vu_server_start(s);
	start = watch_start();
	a.result = vn_function_open_vfio_user(s->path, &f);
	a.took = watch_took(start);
	a.own = watch_own(start);
	if (a.result == 0)
		(void)f->ops->close(f);
	else
		assert_null(f);
	assert_true(vu_server_ended(s));
	a.messages = s->messages;
	vu_server_destroy(s);
	return a;
}

struct attempt attempt(hook what, int number)
{
	return attempt_on(server_with(what, number));
}

void refused(hook what, int number, int result, const char *text)
{
	struct attempt a = attempt(what, number);

	if (a.result != result)
		fail_msg("%d: returns %d, not %d: %s", number, a.result, result,
			 vionet_error_text());
	assert_text(text);
	assert_true(a.own < 1.0);
}

int count_descriptors(void **state)
{
	(void)state;
	descriptors = open_descriptors();
	return 0;
}

int same_descriptors(void **state)
{
	(void)state;
	if (open_descriptors() != descriptors)
		fail_msg("%d descriptors were open, now %d", descriptors,
			 open_descriptors());
	return 0;
}
