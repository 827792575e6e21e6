/* SPDX-License-Identifier: BSD-3-Clause */
/* A function behind a vfio-user server that behaves: the operations of the seam. */
#include "tests/unit/vu_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the function ---- */

static void test_opens(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_iommu_limits limits;
	struct vn_function *f;
	uint16_t vendor;

	s->has_req = true;
	vu_server_start(s);
	f = open_function(s);
	assert_non_null(strstr(f->name, s->path));
	assert_int_equal(f->iommu_group, -1);
	assert_string_equal(f->iommu, "vfio-user");
	assert_int_equal(f->vector_count, 3);
	assert_true(f->reset_supported);
	assert_true(f->removal_fd >= 0);
	assert_int_equal(f->error_fd, -1);
	assert_int_equal(f->region[4].size, 0x4000);
	assert_int_equal(f->region[0].size, 0);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &vendor, 2), 0);
	assert_int_equal(le16toh(vendor), 0x1af4);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.page_size, 4096);
	assert_int_equal(limits.mappings_left, 40);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 255, &vendor, 2), -EINVAL);
	assert_int_equal(f->ops->reset(f), 0);
	assert_int_equal(f->ops->close(f), 0);
	assert_true(vu_server_ended(s));
}

static void test_removal_interrupt(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	uint64_t one = 1;

	s->has_req = true;
	vu_server_start(s);
	f = open_function(s);
	pthread_mutex_lock(&s->lock);
	assert_true(s->irq[4][0] >= 0);
	assert_int_equal(write(s->irq[4][0], &one, 8), 8);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(read(f->removal_fd, &one, 8), 8);
	assert_int_equal(f->ops->close(f), 0);
}

static void test_no_reset(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;

	s->has_reset = false;
	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(f->ops->reset(f), -ENOTSUP);
	assert_int_equal(said(s, SAY_RESET), 0);
	assert_int_equal(f->ops->close(f), 0);
}

/* A server that says nothing of limits has the default ones: one descriptor. */
static void test_limits_are_optional(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	int fds[3] = { eventfd(0, 0), -1, eventfd(0, 0) };

	s->json = "{}";
	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(f->ops->vectors(f, fds, 3), 0);
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->most_fds, 1);
	assert_true(s->irq[2][0] >= 0 && s->irq[2][1] < 0 && s->irq[2][2] >= 0);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->vectors(f, NULL, 0), 0);
	pthread_mutex_lock(&s->lock);
	assert_true(s->irq[2][0] < 0 && s->irq[2][2] < 0);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->close(f), 0);
	close(fds[0]);
	close(fds[2]);
}

/* In pieces: 2 of 3 vectors, and 32 of 256 bytes. */
static void test_pieces(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	int fds[3] = { eventfd(0, 0), eventfd(0, 0), eventfd(0, 0) };
	unsigned int before;
	uint8_t config[256];

	s->json = "{\"capabilities\":{\"max_msg_fds\":2,\"max_data_xfer_size\":32}}";
	vu_server_start(s);
	f = open_function(s);
	before = said(s, SAY_READ);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, config, 256), 0);
	assert_int_equal(said(s, SAY_READ) - before, 8);
	assert_memory_equal(config + 0x40, s->model->config + 0x40, 0xc0);
	before = said(s, SAY_SET_IRQS);
	assert_int_equal(f->ops->vectors(f, fds, 3), 0);
	assert_int_equal(said(s, SAY_SET_IRQS) - before, 2);
	pthread_mutex_lock(&s->lock);
	assert_true(s->irq[2][0] >= 0 && s->irq[2][1] >= 0 && s->irq[2][2] >= 0);
	assert_int_equal(s->most_fds, 2);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->close(f), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void no_room(struct vu_server *s, const struct vu_message *q,
		    struct vu_message *r)
{
	(void)s;
	if (q->command == SAY_SET_IRQS && vu_get32(q->body + 12) == 2) {
		r->flags |= 0x20;
		r->error = ENOSPC;
		r->length = 0;
	}
}

/* The second piece is refused: then none is attached. */
static void test_vectors_are_all_or_none(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	int fds[3] = { eventfd(0, 0), eventfd(0, 0), eventfd(0, 0) };

	s->hook = no_room;
	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(f->ops->vectors(f, fds, 3), -ENOSPC);
	pthread_mutex_lock(&s->lock);
	assert_true(s->irq[2][0] < 0 && s->irq[2][1] < 0);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->vectors(f, fds, 2), 0);
	assert_int_equal(f->ops->close(f), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* ---- memory ---- */

static void *map_again(const struct vn_memory *memory)
{
	return mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    memory->fd, 0);
}

/* Linux 5.1; F_SEAL_FUTURE_WRITE in linux/fcntl.h. */
enum { FUTURE_WRITE = 0x10 };

static int sealed_file(int seals)
{
	int fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* What the device has only to read cannot be written to through any descriptor. */
static void test_read_only_memory(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_memory memory;
	struct vn_function *f;
	uint64_t iova;
	char path[64];
	int again;

	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_READS, &iova), 0);
	assert_true(iova != 0 && iova % 4096 == 0);
	pthread_mutex_lock(&s->lock);
	assert_false(s->window[0].writable);
	assert_int_equal(s->window[0].address, iova);
	assert_int_equal(s->window[0].size, 8192);
	assert_int_equal(s->window[0].flags & O_ACCMODE, O_RDONLY);
	assert_true(s->window[0].seals & F_SEAL_SHRINK);
	assert_true(s->window[0].seals & FUTURE_WRITE);
	pthread_mutex_unlock(&s->lock);
	assert_ptr_equal(map_again(&memory), MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory.fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		assert_int_equal(write(again, "x", 1), -1);
		close(again);
	}
	/* We go on writing, and the device sees it. */
	strcpy(memory.address, "frame");
	pthread_mutex_lock(&s->lock);
	s->model->bus_master = true;
	assert_string_equal((char *)model_at(s->model, iova, 8, false), "frame");
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->memory_remove(f, iova), 0);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

/* A file that takes no seal at all, or not this one any more: it is not shared. */
static void test_memory_that_cannot_be_sealed(void **state)
{
	struct vu_server *s = server_of(state);
	char path[] = "/var/tmp/vionet-test-XXXXXX";
	struct {
		int fd, result;
	} cases[] = {
		{ mkstemp(path), -EPERM },
		{ memfd_create("a", MFD_CLOEXEC), -EPERM },
		{ sealed_file(F_SEAL_GROW | F_SEAL_SEAL), -EPERM },
		{ sealed_file(F_SEAL_SHRINK | F_SEAL_SEAL), 0 },
	};
	struct vn_function *f;

	unlink(path);
	vu_server_start(s);
	f = open_function(s);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vn_memory memory = { .fd = cases[i].fd, .size = 4096,
					    .page_size = 4096 };
		uint64_t iova;
		int result;

		(void)!ftruncate(memory.fd, 4096);
		memory.address = mmap(NULL, memory.size, PROT_READ | PROT_WRITE,
				      MAP_SHARED, memory.fd, 0);
		assert_ptr_not_equal(memory.address, MAP_FAILED);
		result = f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &iova);
		if (result == 0)
			assert_int_equal(f->ops->memory_remove(f, iova), 0);
		if (result != cases[i].result)
			fail_msg("case %u: %d: %s", i, result, vionet_error_text());
		munmap(memory.address, memory.size);
		close(memory.fd);
	}
	assert_int_equal(f->ops->close(f), 0);
}

static void test_writable_memory(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_memory memory;
	struct vn_function *f;
	uint64_t iova;

	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &iova), 0);
	pthread_mutex_lock(&s->lock);
	assert_true(s->window[0].writable);
	assert_int_equal(s->window[0].flags & O_ACCMODE, O_RDWR);
	assert_true(s->window[0].seals & F_SEAL_SHRINK);
	s->model->bus_master = true;
	strcpy((char *)model_at(s->model, iova, 8, true), "device");
	pthread_mutex_unlock(&s->lock);
	assert_string_equal(memory.address, "device");
	assert_int_equal(f->ops->memory_remove(f, iova), 0);
	assert_int_equal(f->ops->memory_remove(f, iova), -ENOENT);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

/* What a server says that has no limit. */
static void test_mappings_without_limit(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_iommu_limits limits;
	struct vn_memory memory;
	struct vn_function *f;
	uint64_t iova;

	s->json = "{\"capabilities\":{\"max_dma_maps\":4294967295}}";
	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &iova), 0);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.mappings_left, UINT32_MAX);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

static void test_mappings_run_out(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_memory memory;
	struct vn_function *f;
	struct vn_iommu_limits limits;
	uint64_t first, second;

	s->json = "{\"capabilities\":{\"max_dma_maps\":1}}";
	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &first), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &second),
			 -ENOSPC);
	assert_int_equal(f->ops->memory_remove(f, first), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &second), 0);
	assert_int_equal(first, second);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.mappings, 1);
	assert_int_equal(limits.mappings_left, 0);
	assert_int_equal(limits.mapped_bytes, 4096);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

/* ---- accesses by message ---- */

static struct {
	uint64_t readable, writable, foreign;
	int outside, crossing, read_only, huge, wraps, unknown, good_read, good_write;
	char data[64];
} asked;

static void ask_all(struct vu_server *s)
{
	static char data[4096];

	asked.outside = vu_server_ask(s, ASK_READ, 0x10, 16, data, 0);
	asked.crossing = vu_server_ask(s, ASK_READ, asked.readable + 4000, 200, data,
				       0);
	asked.read_only = vu_server_ask(s, ASK_WRITE, asked.readable, 8, data, 8);
	asked.huge = vu_server_ask(s, ASK_READ, asked.readable, 0xffffffff, data, 0);
	asked.wraps = vu_server_ask(s, ASK_READ, UINT64_MAX - 8, 16, data, 0);
	asked.unknown = vu_server_ask(s, 77, 0, 0, data, 0);
	asked.good_read = vu_server_ask(s, ASK_READ, asked.readable, 64, asked.data, 0);
	strcpy(data, "written");
	asked.good_write = vu_server_ask(s, ASK_WRITE, asked.writable + 4088, 8, data,
					 8);
}

/* L11: no access outside our mappings, or against their direction. */
static void check_asked(const char *readable, const char *writable)
{
	assert_int_equal(asked.outside, EFAULT);
	assert_int_equal(asked.crossing, EFAULT);
	assert_int_equal(asked.read_only, EFAULT);
	assert_int_equal(asked.huge, EINVAL);
	assert_int_equal(asked.wraps, EFAULT);
	assert_int_equal(asked.unknown, ENOTSUP);
	assert_int_equal(asked.good_read, 0);
	assert_string_equal(asked.data, readable);
	assert_int_equal(asked.good_write, 0);
	assert_string_equal(writable + 4088, "written");
	assert_string_equal(readable, "to be read");
}

static void ask_in_between(struct vu_server *s, const struct vu_message *q,
			   struct vu_message *r)
{
	(void)r;
	if (q->command == SAY_READ)
		ask_all(s);
}

static void ask_memory(struct vn_memory *memory, struct vn_function *f)
{
	memset(&asked, 0, sizeof(asked));
	for (int i = 0; i < 2; i++)
		assert_int_equal(vn_memory_alloc(4096, false, &memory[i]), 0);
	strcpy(memory[0].address, "to be read");
	assert_int_equal(f->ops->memory_add(f, &memory[0], VN_DEVICE_READS,
					    &asked.readable), 0);
	assert_int_equal(f->ops->memory_add(f, &memory[1], VN_DEVICE_WRITES,
					    &asked.writable), 0);
}

static void release_memory(struct vn_memory *memory)
{
	for (int i = 0; i < 2; i++)
		vn_memory_free(&memory[i]);
}

/* A server that maps would never find memory that only has an address, and does not say
 * whether it is one. */
static void test_memory_without_a_file(void **state)
{
	struct vu_server *s = server_of(state);
	uint8_t *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vn_memory memory = {
		.address = own, .size = 4096, .page_size = 4096, .fd = -1,
	};
	struct vn_iommu_limits limits;
	struct vn_function *f;
	uint64_t iova;

	vu_server_start(s);
	f = open_function(s);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_READS, &iova),
			 -ENOTSUP);
	assert_int_equal(said(s, SAY_DMA_MAP), 0);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.mappings, 0);
	assert_int_equal(f->ops->close(f), 0);
	munmap(own, 4096);
}

static void test_L11_access_while_we_wait(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_memory memory[2];
	struct vn_function *f;
	uint16_t vendor;

	s->no_fds = true;
	vu_server_start(s);
	f = open_function(s);
	ask_memory(memory, f);
	pthread_mutex_lock(&s->lock);
	s->hook = ask_in_between;
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &vendor, 2), 0);
	assert_int_equal(le16toh(vendor), 0x1af4);
	check_asked(memory[0].address, memory[1].address);
	pthread_mutex_lock(&s->lock);
	s->hook = NULL;
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->close(f), 0);
	release_memory(memory);
}

/* The same while nobody waits. */
static void test_L11_access_when_idle(void **state)
{
	struct vu_server *s = server_of(state);
	struct pollfd waiting = { .events = POLLIN };
	struct vn_memory memory[2];
	struct vn_function *f;

	s->no_fds = true;
	vu_server_start(s);
	f = open_function(s);
	ask_memory(memory, f);
	vu_server_job(s, ask_all);
	waiting.fd = f->service_fd;
	while (!vu_server_job_done(s)) {
		(void)poll(&waiting, 1, 10);
		assert_int_equal(f->ops->service(f), 0);
	}
	check_asked(memory[0].address, memory[1].address);
	assert_int_equal(f->ops->service(f), 0);
	assert_int_equal(f->ops->memory_remove(f, asked.writable), 0);
	assert_int_equal(f->ops->close(f), 0);
	release_memory(memory);
}

/* ---- names ---- */

static int try_name(const char *path)
{
	struct vionet_device *device;
	char name[300];
	int result;

	snprintf(name, sizeof(name), "vfio-user:%s", path);
	result = vionet_device_open(name, NULL, &device);
	vionet_device_close(device);
	return result;
}

static void test_names(void **state)
{
	struct vu_server *s = server_of(state);
	char longest[200] = "/tmp/", *slash, other[80];

	assert_int_equal(try_name(s->path), -ENODEV);
	assert_text("start the server");
	assert_text(s->path);
	assert_int_equal(try_name(""), -EINVAL);
	memset(longest + 5, 'x', sizeof(longest) - 6);
	assert_int_equal(try_name(longest), -EINVAL);
	assert_text("107");
	assert_int_equal(try_name("/tmp"), -EINVAL);
	assert_text("directory");
	assert_int_equal(try_name("/etc/passwd"), -EINVAL);
	assert_text("not a socket");

	vu_server_start(s);
	strcpy(other, s->path);
	slash = strrchr(other, '/');
	strcpy(slash, "/link");
	assert_int_equal(symlink(s->path, other), 0);
	assert_int_equal(try_name(other), 0);
	unlink(other);
}

static void test_nobody_listens(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct vu_server *s = server_of(state);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, s->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(try_name(s->path), -ENXIO);
	assert_text("nobody listens");
	unlink(s->path);
	vu_server_start(s);
}

static void test_no_permission(void **state)
{
	struct vu_server *s = server_of(state);
	bool root = geteuid() == 0;
	int result;

	vu_server_start(s);
	assert_int_equal(chmod(s->path, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	result = try_name(s->path);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(result, -EACCES);
	assert_text("permission");
}

static void test_version(void **state)
{
	struct vu_server *s = server_of(state);

	s->major = 1;
	vu_server_start(s);
	assert_int_equal(try_name(s->path), -ENOTSUP);
	assert_text("1.1");
	assert_true(vu_server_ended(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_opens),
		with_rig(test_removal_interrupt),
		with_rig(test_no_reset),
		with_rig(test_limits_are_optional),
		with_rig(test_pieces),
		with_rig(test_vectors_are_all_or_none),
		with_rig(test_read_only_memory),
		with_rig(test_memory_that_cannot_be_sealed),
		with_rig(test_writable_memory),
		with_rig(test_mappings_run_out),
		with_rig(test_mappings_without_limit),
		with_rig(test_memory_without_a_file),
		with_rig(test_L11_access_while_we_wait),
		with_rig(test_L11_access_when_idle),
		with_rig(test_names),
		with_rig(test_nobody_listens),
		with_rig(test_no_permission),
		with_rig(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
