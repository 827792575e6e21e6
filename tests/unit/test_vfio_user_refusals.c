/* SPDX-License-Identifier: BSD-3-Clause */
/* What the vfio-user client refuses by itself, and commands of a server that are none, between two calls. */
#include "tests/unit/vfio_user_env.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* So many more get this thread an eventfd. */
static _Thread_local unsigned int eventfds = 1000;

int eventfd(unsigned int value, int flags)
{
	if (eventfds-- != 0)
		return (int)syscall(SYS_eventfd2, value, flags);
	eventfds = 1000;
	errno = EMFILE;
	return -1;
}

static void more_vectors_than_there_are(void **state)
{
	struct proxy *p = proxy_of(state);
	const int fds[4] = { -1, -1, -1, -1 };
	struct vn_function *f;

	proxy_start(p);
	f = open_function(p);
	assert_int_equal(f->ops->vectors(f, fds, 4), -EINVAL);
	assert_text("4 MSI-X vectors wanted, it has 3");
	assert_int_equal(f->ops->vectors(f, fds, 3), 0);
	assert_int_equal(f->ops->close(f), 0);
}

static void memory_of_half_a_page(void **state)
{
	static const size_t sizes[] = { 0, 4608, 4096 };
	struct proxy *p = proxy_of(state);
	struct vn_memory memory, part;
	struct vn_function *f;
	uint64_t iova;

	proxy_start(p);
	f = open_function(p);
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	for (unsigned int i = 0; i < 3; i++) {
		part = memory;
		if (i == 2)
			part.address = (char *)memory.address + 512;
		part.size = sizes[i];
		assert_int_equal(f->ops->memory_add(f, &part, VN_DEVICE_READS | VN_DEVICE_WRITES, &iova), -EINVAL);
		assert_text("are no whole pages of 4096 bytes");
	}
	assert_int_equal(requests(p, VFU_DMA_MAP), 0);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

static void be_silent(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	(void)p;
	r->silent = q->command == VFU_REGION_READ;
}

/* poll() refuses more descriptors than the process may have: not the server's doing, but no message is known to be whole any more. */
static void short_of_descriptors(void **state)
{
	struct proxy *p = proxy_of(state);
	struct rlimit before, none;
	struct vn_function *f;
	uint16_t value;
	int result;

	proxy_start(p);
	f = open_function(p);
	pthread_mutex_lock(&p->lock);
	p->hook = be_silent;
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = f->ops->read(f, VN_REGION_CONFIG, 0, &value, 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(result, -EINVAL);
	assert_text(f->name);
	assert_text(": read a region: poll: ");
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &value, 2), -EMFILE);
	assert_text("the connection was ended: poll: ");
	assert_int_equal(f->ops->close(f), -EMFILE);
}

/* For the interrupts of removal and of errors. */
static void opened_without_an_eventfd(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;

	proxy_start(p);
	for (unsigned int i = 0; i < 2; i++) {
		eventfds = i;
		assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), -EMFILE);
		assert_null(f);
		assert_text(": eventfd: ");
	}
	f = open_function(p);
	assert_int_equal(f->ops->close(f), 0);
}

/* A header of that number. */
static void send_header(struct proxy *p)
{
	static const struct {
		uint32_t size, flags;
	} headers[] = { { 15, 0 }, { 0, 0 }, { 2 << 20, 0 }, { 32, 1 }, { 32, 2 } };
	uint8_t bytes[16] = { 0 };

	wire_put32(bytes, (uint32_t)VFU_DMA_READ << 16);
	wire_put32(bytes + 4, headers[p->number].size);
	wire_put32(bytes + 8, headers[p->number].flags);
	assert_int_equal(write(p->fd, bytes, sizeof(bytes)), sizeof(bytes));
}

static void commands_that_are_none(void **state)
{
	static const char *const texts[] = { "shorter than a header", "shorter than a header", "longer than any", "not asked", "not asked" };

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct proxy *p = proxy_with(NULL, i);
		struct vn_function *f;

		proxy_start(p);
		f = open_function(p);
		proxy_job(p, send_header);
		while (!proxy_job_done(p))
			;
		assert_int_equal(f->ops->service(f), -EIO);
		assert_text(texts[i]);
		assert_int_equal(f->ops->service(f), -ENODEV);
		assert_text("closed the connection, since it broke the protocol");
		assert_int_equal(f->ops->close(f), -ENODEV);
		proxy_destroy(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_proxy(more_vectors_than_there_are),
		with_proxy(memory_of_half_a_page),
		with_proxy(short_of_descriptors),
		with_proxy(opened_without_an_eventfd),
		counted(commands_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
