/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vfio_user_env.h"

struct vfio_user {
	struct proxy *proxy;
	int descriptors;
};

static int descriptors;

int set_up_proxy(void **state)
{
	struct vfio_user *made = calloc(1, sizeof(*made));

	made->descriptors = open_descriptors();
	made->proxy = vfu_proxy_create();
	*state = made;
	return 0;
}

int tear_down_proxy(void **state)
{
	struct vfio_user *made = *state;
	int before = made->descriptors;

	proxy_destroy(made->proxy);
	free(made);
	if (open_descriptors() != before)
		fail_msg("%d descriptors were open, now %d", before,
			 open_descriptors());
	return 0;
}

struct proxy *proxy_of(void **state)
{
	return ((struct vfio_user *)*state)->proxy;
}

struct vn_function *open_function(struct proxy *p)
{
	struct vn_function *function;

	if (vn_function_open_vfio_user(p->path, 0, &function))
		fail_msg("%s", vionet_error_text());
	return function;
}

struct vionet_device *open_device(struct proxy *p)
{
	struct vionet_device *device;
	char name[100];

	snprintf(name, sizeof(name), "vfio-user:%s", p->path);
	if (vionet_device_open(name, NULL, &device))
		fail_msg("%s", vionet_error_text());
	return device;
}

int bar_file(int seals)
{
	int fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, PROXY_BAR_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

void map_bar_file(struct proxy *p, int fd)
{
	p->options[0] = "--notify=page";
	vfu_of(p)->bar_fd = fd;
}

unsigned int doorbells(struct proxy *p)
{
	unsigned int count;

	pthread_mutex_lock(&p->lock);
	count = vfu_of(p)->doorbells;
	pthread_mutex_unlock(&p->lock);
	return count;
}

unsigned int requests(struct proxy *p, unsigned int command)
{
	unsigned int count;

	pthread_mutex_lock(&p->lock);
	count = p->count[command];
	pthread_mutex_unlock(&p->lock);
	return count;
}

/* ---- one attempt ---- */

struct proxy *proxy_with(proxy_hook what, int number)
{
	struct proxy *p = vfu_proxy_create();

	p->hook = what;
	p->number = number;
	return p;
}

struct attempt attempt_on(struct proxy *p)
{
	struct attempt a;
	struct vn_function *f;
	struct watch start;

	proxy_start(p);
	start = watch_start();
	a.result = vn_function_open_vfio_user(p->path, 0, &f);
	a.took = watch_took(start);
	a.own = watch_own(start);
	if (a.result == 0)
		(void)f->ops->close(f);
	else
		assert_null(f);
	assert_true(proxy_ended(p));
	a.messages = p->messages;
	proxy_destroy(p);
	return a;
}

struct attempt attempt(proxy_hook what, int number)
{
	return attempt_on(proxy_with(what, number));
}

void refused(proxy_hook what, int number, int result, const char *text)
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
