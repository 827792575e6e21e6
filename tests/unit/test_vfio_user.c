/* SPDX-License-Identifier: BSD-3-Clause */
/* A function of the software device over vfio-user: the operations of the seam. */
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <poll.h>
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
	struct proxy *p = proxy_of(state);
	struct vn_iommu_limits limits;
	struct vn_function *f;
	uint16_t vendor;

	vfu_of(p)->json = "{\"capabilities\":{\"max_dma_maps\":40,\"migration\":{\"pgsize\":4096}}}";
	proxy_start(p);
	f = open_function(p);
	assert_non_null(strstr(f->name, p->path));
	assert_int_equal(f->iommu_group, -1);
	assert_string_equal(f->iommu, "vfio-user");
	assert_int_equal(f->vector_count, 3);
	assert_true(f->reset_supported);
	assert_true(f->removal_fd >= 0);
	assert_true(f->error_fd >= 0);
	assert_int_equal(f->region[4].size, PROXY_BAR_SIZE);
	assert_int_equal(f->region[0].size, 0);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &vendor, 2), 0);
	assert_int_equal(le16toh(vendor), 0x1af4);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.page_size, 4096);
	assert_int_equal(limits.mappings_left, 40);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 255, &vendor, 2), -EINVAL);
	assert_int_equal(f->ops->reset(f), 0);
	assert_int_equal(f->ops->close(f), 0);
	assert_true(proxy_ended(p));
}

static void test_removal_interrupt(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	uint64_t one = 1;

	proxy_start(p);
	f = open_function(p);
	pthread_mutex_lock(&p->lock);
	assert_true(vfu_of(p)->irq[4][0] >= 0);
	assert_int_equal(write(vfu_of(p)->irq[4][0], &one, 8), 8);
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(read(f->removal_fd, &one, 8), 8);
	assert_int_equal(f->ops->close(f), 0);
}

/* INFO: it is a PCI function, no more; of the interrupts there is MSI-X only. */
static void without_extras(struct proxy *p, const struct proxy_message *q,
			   struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_DEVICE_INFO)
		wire_put32(r->body + 4, 2);
	if (q->command == VFU_IRQ_INFO && wire_get32(q->body + 8) != 2)
		wire_put32(r->body + 12, 0);
}

static void test_no_extras(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;

	p->hook = without_extras;
	proxy_start(p);
	f = open_function(p);
	assert_int_equal(f->removal_fd, -1);
	assert_int_equal(f->error_fd, -1);
	assert_int_equal(f->ops->reset(f), -ENOTSUP);
	assert_int_equal(requests(p, VFU_DEVICE_RESET), 0);
	assert_int_equal(f->ops->close(f), 0);
}

/* A server that reports no limits has the default ones: one descriptor. */
static void test_limits_are_optional(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	int fds[3] = { eventfd(0, 0), -1, eventfd(0, 0) };

	vfu_of(p)->json = "{}";
	proxy_start(p);
	f = open_function(p);
	assert_int_equal(f->ops->vectors(f, fds, 3), 0);
	pthread_mutex_lock(&p->lock);
	assert_int_equal(p->most_fds, 1);
	assert_true(vfu_of(p)->irq[2][0] >= 0 && vfu_of(p)->irq[2][1] < 0 && vfu_of(p)->irq[2][2] >= 0);
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->vectors(f, NULL, 0), 0);
	pthread_mutex_lock(&p->lock);
	assert_true(vfu_of(p)->irq[2][0] < 0 && vfu_of(p)->irq[2][2] < 0);
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->close(f), 0);
	close(fds[0]);
	close(fds[2]);
}

/* In pieces: 2 of 3 vectors, and 32 of 256 bytes. */
static void test_pieces(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	int fds[3] = { eventfd(0, 0), eventfd(0, 0), eventfd(0, 0) };
	unsigned int before;
	uint8_t config[256], whole[256];

	proxy_start(p);
	f = open_function(p);
	before = requests(p, VFU_REGION_READ);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, whole, 256), 0);
	assert_int_equal(requests(p, VFU_REGION_READ) - before, 1);
	assert_int_equal(f->ops->close(f), 0);
	assert_true(proxy_ended(p));
	pthread_mutex_lock(&p->lock);
	vfu_of(p)->json = "{\"capabilities\":{\"max_msg_fds\":2,\"max_data_xfer_size\":32}}";
	pthread_mutex_unlock(&p->lock);
	f = open_function(p);
	before = requests(p, VFU_REGION_READ);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, config, 256), 0);
	assert_int_equal(requests(p, VFU_REGION_READ) - before, 8);
	assert_memory_equal(config, whole, 256);
	before = requests(p, VFU_SET_IRQS);
	assert_int_equal(f->ops->vectors(f, fds, 3), 0);
	assert_int_equal(requests(p, VFU_SET_IRQS) - before, 2);
	pthread_mutex_lock(&p->lock);
	assert_true(vfu_of(p)->irq[2][0] >= 0 && vfu_of(p)->irq[2][1] >= 0 && vfu_of(p)->irq[2][2] >= 0);
	assert_int_equal(p->most_fds, 2);
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->close(f), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void no_room(struct proxy *p, const struct proxy_message *q,
		    struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_SET_IRQS && wire_get32(q->body + 12) == 2) {
		r->flags |= 0x20;
		r->error = ENOSPC;
		r->length = 0;
	}
}

/* The second piece is refused: then none is attached. */
static void test_vectors_are_all_or_none(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	int fds[3] = { eventfd(0, 0), eventfd(0, 0), eventfd(0, 0) };

	vfu_of(p)->json = "{\"capabilities\":{\"max_msg_fds\":2}}";
	p->hook = no_room;
	proxy_start(p);
	f = open_function(p);
	assert_int_equal(f->ops->vectors(f, fds, 3), -ENOSPC);
	pthread_mutex_lock(&p->lock);
	assert_true(vfu_of(p)->irq[2][0] < 0 && vfu_of(p)->irq[2][1] < 0);
	pthread_mutex_unlock(&p->lock);
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

/* The device gets no writable descriptor for memory that it only reads. */
static void test_read_only_memory(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_memory memory;
	struct vn_function *f;
	char path[64], seen[8];
	uint64_t iova;
	int again;

	proxy_start(p);
	f = open_function(p);
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_READS, &iova), 0);
	assert_true(iova != 0 && iova % 4096 == 0);
	pthread_mutex_lock(&p->lock);
	assert_false(p->window[0].writable);
	assert_int_equal(p->window[0].address, iova);
	assert_int_equal(p->window[0].size, 8192);
	assert_int_equal(p->window[0].flags & O_ACCMODE, O_RDONLY);
	assert_true(p->window[0].seals & F_SEAL_SHRINK);
	assert_true(p->window[0].seals & FUTURE_WRITE);
	pthread_mutex_unlock(&p->lock);
	assert_ptr_equal(map_again(&memory), MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory.fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		assert_int_equal(write(again, "x", 1), -1);
		close(again);
	}
	/* The driver goes on writing, and the device sees it. */
	strcpy(memory.address, "frame");
	pthread_mutex_lock(&p->lock);
	assert_int_equal(pread(p->window[0].fd, seen, 8, (off_t)p->window[0].offset), 8);
	assert_string_equal(seen, "frame");
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->memory_remove(f, iova), 0);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

/* A file that cannot be sealed, or no longer, is not shared. */
static void test_memory_that_cannot_be_sealed(void **state)
{
	struct proxy *p = proxy_of(state);
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
	proxy_start(p);
	f = open_function(p);
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
	struct proxy *p = proxy_of(state);
	struct vn_memory memory;
	struct vn_function *f;
	uint64_t iova;

	proxy_start(p);
	f = open_function(p);
	assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &iova), 0);
	pthread_mutex_lock(&p->lock);
	assert_true(p->window[0].writable);
	assert_int_equal(p->window[0].flags & O_ACCMODE, O_RDWR);
	assert_true(p->window[0].seals & F_SEAL_SHRINK);
	assert_int_equal(pwrite(p->window[0].fd, "device", 7, (off_t)p->window[0].offset), 7);
	pthread_mutex_unlock(&p->lock);
	assert_string_equal(memory.address, "device");
	assert_int_equal(f->ops->memory_remove(f, iova), 0);
	assert_int_equal(f->ops->memory_remove(f, iova), -ENOENT);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

/* The reply of a server without a limit. */
static void test_mappings_without_limit(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_iommu_limits limits;
	struct vn_memory memory;
	struct vn_function *f;
	uint64_t iova;

	vfu_of(p)->json = "{\"capabilities\":{\"max_dma_maps\":4294967295}}";
	proxy_start(p);
	f = open_function(p);
	assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES, &iova), 0);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.mappings_left, UINT32_MAX);
	assert_int_equal(f->ops->close(f), 0);
	vn_memory_free(&memory);
}

static void test_mappings_run_out(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_memory memory;
	struct vn_function *f;
	struct vn_iommu_limits limits;
	uint64_t first, second;

	vfu_of(p)->json = "{\"capabilities\":{\"max_dma_maps\":1}}";
	proxy_start(p);
	f = open_function(p);
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
	uint64_t readable, writable, other;
	int outside, crossing, read_only, huge, wraps, unknown, good_read, good_write;
	char data[64];
} asked;

static void ask_all(struct proxy *p)
{
	static char data[4096];

	asked.outside = vfu_request(p, VFU_DMA_READ, 0x10, 16, data, 0);
	asked.crossing = vfu_request(p, VFU_DMA_READ, asked.readable + 4000, 200, data,
				     0);
	asked.read_only = vfu_request(p, VFU_DMA_WRITE, asked.readable, 8, data, 8);
	asked.huge = vfu_request(p, VFU_DMA_READ, asked.readable, 0xffffffff, data, 0);
	asked.wraps = vfu_request(p, VFU_DMA_READ, UINT64_MAX - 8, 16, data, 0);
	asked.unknown = vfu_request(p, 77, 0, 0, data, 0);
	asked.good_read = vfu_request(p, VFU_DMA_READ, asked.readable, 64, asked.data, 0);
	strcpy(data, "written");
	asked.good_write = vfu_request(p, VFU_DMA_WRITE, asked.writable + 4088, 8, data,
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

static void ask_in_between(struct proxy *p, const struct proxy_message *q,
			   struct proxy_message *r)
{
	(void)r;
	if (q->command == VFU_REGION_READ)
		ask_all(p);
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

/* A server that maps files cannot reach memory without a descriptor, and does not report
 * whether it maps. */
static void test_memory_without_a_file(void **state)
{
	struct proxy *p = proxy_of(state);
	uint8_t *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vn_memory memory = {
		.address = own, .size = 4096, .page_size = 4096, .fd = -1,
	};
	struct vn_iommu_limits limits;
	struct vn_function *f;
	uint64_t iova;

	proxy_start(p);
	f = open_function(p);
	assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_READS, &iova),
			 -ENOTSUP);
	assert_int_equal(requests(p, VFU_DMA_MAP), 0);
	assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
	assert_int_equal(limits.mappings, 0);
	assert_int_equal(f->ops->close(f), 0);
	munmap(own, 4096);
}

static void test_L11_access_while_we_wait(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_memory memory[2];
	struct vn_function *f;
	uint16_t vendor;

	proxy_start(p);
	f = open_function(p);
	ask_memory(memory, f);
	pthread_mutex_lock(&p->lock);
	p->hook = ask_in_between;
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &vendor, 2), 0);
	assert_int_equal(le16toh(vendor), 0x1af4);
	check_asked(memory[0].address, memory[1].address);
	pthread_mutex_lock(&p->lock);
	p->hook = NULL;
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->close(f), 0);
	release_memory(memory);
}

/* The same while no call waits. */
static void test_L11_access_when_idle(void **state)
{
	struct proxy *p = proxy_of(state);
	struct pollfd waiting = { .events = POLLIN };
	struct vn_memory memory[2];
	struct vn_function *f;

	proxy_start(p);
	f = open_function(p);
	ask_memory(memory, f);
	proxy_job(p, ask_all);
	waiting.fd = f->service_fd;
	while (!proxy_job_done(p)) {
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
	struct proxy *p = proxy_of(state);
	char longest[200] = "/tmp/", *slash, other[80];

	assert_int_equal(try_name(p->path), -ENODEV);
	assert_text("start the server");
	assert_text(p->path);
	assert_int_equal(try_name(""), -EINVAL);
	memset(longest + 5, 'x', sizeof(longest) - 6);
	assert_int_equal(try_name(longest), -EINVAL);
	assert_text("107");
	assert_int_equal(try_name("/tmp"), -EINVAL);
	assert_text("directory");
	assert_int_equal(try_name("/etc/passwd"), -EINVAL);
	assert_text("not a socket");

	proxy_start(p);
	strcpy(other, p->path);
	slash = strrchr(other, '/');
	strcpy(slash, "/link");
	assert_int_equal(symlink(p->path, other), 0);
	assert_int_equal(try_name(other), 0);
	unlink(other);
}

static void test_no_listener(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct proxy *p = proxy_of(state);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, p->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(try_name(p->path), -ENXIO);
	assert_text("no process listens");
	unlink(p->path);
	proxy_start(p);
}

static void test_no_permission(void **state)
{
	struct proxy *p = proxy_of(state);
	bool root = geteuid() == 0;
	int result;

	proxy_start(p);
	assert_int_equal(chmod(p->path, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	result = try_name(p->path);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(result, -EACCES);
	assert_text("permission");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_proxy(test_opens),
		with_proxy(test_removal_interrupt),
		with_proxy(test_no_extras),
		with_proxy(test_limits_are_optional),
		with_proxy(test_pieces),
		with_proxy(test_vectors_are_all_or_none),
		with_proxy(test_read_only_memory),
		with_proxy(test_memory_that_cannot_be_sealed),
		with_proxy(test_writable_memory),
		with_proxy(test_mappings_run_out),
		with_proxy(test_mappings_without_limit),
		with_proxy(test_memory_without_a_file),
		with_proxy(test_L11_access_while_we_wait),
		with_proxy(test_L11_access_when_idle),
		with_proxy(test_names),
		with_proxy(test_no_listener),
		with_proxy(test_no_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
