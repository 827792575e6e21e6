/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the application, registered by address and by file: who maps it, what is
 * refused and why, and that frames are sent from it, with each transport; and that our own
 * regions keep nothing of what was there. */
#include "tests/unit/vhost_user_env.h"
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "driver/memory/memory.h"
#include "driver/state/device.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { PAGE = 4096, OFFSET = 2 * PAGE, SIZE = 4 * PAGE, FILE_SIZE = 8 * PAGE };

static int make_file(unsigned int flags)
{
	int fd = memfd_create("of the application", MFD_CLOEXEC | flags);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
	return fd;
}

static uint8_t *map_all(int fd)
{
	uint8_t *all = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(all != MAP_FAILED);
	return all;
}

/* Another process maps the file before it is sealed. */
static bool cut_first;
static bool no_descriptor; /* is left */

static int seal_after_cut(int fd, int seals)
{
	if (cut_first && (seals & F_SEAL_SHRINK))
		assert_int_equal(ftruncate(fd, OFFSET + PAGE), 0);
	return (int)syscall(SYS_fcntl, fd, F_ADD_SEALS, seals);
}

#undef fcntl
int fcntl(int fd, int command, ...)
{
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	if (command == F_DUPFD_CLOEXEC && no_descriptor) {
		errno = EMFILE;
		return -1;
	}
	return command == F_ADD_SEALS ? seal_after_cut(fd, (int)argument) :
					(int)syscall(SYS_fcntl, fd, command, argument);
}

static unsigned int released;

static void on_release(void *frame, void *context)
{
	(void)frame, (void)context;
	released++;
}

static void attach(struct vionet_queue *tx, struct vionet_memory *memory, uint8_t *frame,
		   uint32_t length, struct vionet_packet **packet)
{
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), packet, 1), 1);
	assert_int_equal(vionet_packet_attach(*packet, memory, frame, length, on_release,
					      NULL), 0);
}

/* Send the last 100 bytes of what is registered, and wait until they are out. */
static void send_last(struct vionet_queue *tx, struct vionet_memory *memory)
{
	struct vionet_packet *packet;

	released = 0;
	attach(tx, memory, (uint8_t *)vionet_memory_address(memory) + SIZE - 100, 100,
	       &packet);
	assert_int_equal(vionet_memory_unregister(memory), -EBUSY);
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(vionet_queue_drain(tx, 60000), 0);
	assert_int_equal(released, 1);
}

/* ---- a PCI function ---- */

/* Mapped by the library, or by the application; frames are what another mapping of the
 * file wrote. */
static void a_file_is_sent_from(void **state)
{
	int fds = open_descriptors();

	(void)state;
	for (unsigned int own = 0; own < 2; own++) {
		struct env *env = env_start(0, 16, 0, 0);
		int fd = make_file(0);
		uint8_t *all = map_all(fd);
		struct vionet_memory *memory;

		assert_int_equal(vionet_memory_register_fd(
			env->device, fd, OFFSET, own ? all + OFFSET : NULL, SIZE,
			VIONET_DEVICE_READS, &memory), 0);
		close(fd);
		assert_int_equal(own, vionet_memory_address(memory) == all + OFFSET);
		memset(all + OFFSET + SIZE - 100, 0x30 + (int)own, 100);
		send_last(env->tx, memory);
		assert_int_equal(env->last_length, 112);
		assert_memory_equal(env->last + 12, all + OFFSET + SIZE - 100, 100);
		assert_int_equal(vionet_memory_unregister(memory), 0);
		env->model->unmapped_live = 0;
		all[OFFSET] = 1; /* still the application's */
		munmap(all, FILE_SIZE);
		env_stop(env);
	}
	assert_int_equal(open_descriptors(), fds);
}

/* Received into it: a pool in a file. */
static void a_pool_lies_in_a_file(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	int fd = memfd_create("pool", MFD_CLOEXEC);
	struct vionet_pool_options options = { .struct_size = sizeof(options),
					       .count = 64 };
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 16 };
	struct vionet_packet *p;
	uint8_t *all;

	(void)state;
	assert_int_equal(ftruncate(fd, 64 * 2048), 0);
	all = mmap(NULL, 64 * 2048, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_memory_register_fd(env->device, fd, 0, NULL, 64 * 2048,
						   VIONET_DEVICE_WRITES,
						   &options.memory), 0);
	assert_int_equal(vionet_pool_create(env->device, &options, &start.rx_pool), 0);
	assert_int_equal(vionet_device_start(env->device, &start), 0);
	assert_int_equal(model_deliver(env->model, (uint8_t[60]){ "in the file" }, 60, 0,
				       -1), 1);
	assert_int_equal(vionet_queue_receive(
		vionet_device_rx_queue(env->device, 0), &p, 1), 1);
	assert_string_equal(all + (p->data - (uint8_t *)vionet_memory_address(
						     options.memory)), "in the file");
	vionet_packet_free(&p, 1);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_pool_destroy(start.rx_pool), 0);
	assert_int_equal(vionet_memory_unregister(options.memory), 0);
	munmap(all, 64 * 2048);
	close(fd);
	env_stop(env);
}

/* Each device has one of its own for a pool. */
static void a_pool_without_a_descriptor(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	struct vionet_device *other;
	struct vionet_pool *pool;
	struct model *model;

	(void)state;
	assert_int_equal(open_model(model_create(&model), NULL, &other), 0);
	assert_int_equal(vionet_pool_create(env->device, NULL, &pool), 0);
	no_descriptor = true;
	assert_int_equal(vionet_pool_share(pool, other, VIONET_DEVICE_READS), -EMFILE);
	no_descriptor = false;
	assert_text("model: share a pool: duplicate its descriptor");
	assert_int_equal(vionet_pool_share(pool, other, VIONET_DEVICE_READS), 0);
	assert_int_equal(vionet_device_close(other), 0);
	env_stop(env);
}

/* Closing the device unregisters the memory and closes the descriptor. */
static void closing_releases_files(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	int fds = open_descriptors(), fd = make_file(0);
	struct vionet_memory *memory;

	(void)state;
	assert_int_equal(vionet_memory_register_fd(env->device, fd, 0, NULL, SIZE,
						   VIONET_DEVICE_READS, &memory), 0);
	close(fd);
	assert_true(open_descriptors() > fds);
	env_stop(env);
	assert_true(open_descriptors() < fds);
}

struct refusal {
	uint64_t offset;
	size_t size;
	int result;
	const char *text;
};

static void refuse(struct vionet_device *device, int fd, uint64_t offset, void *address,
		   size_t size, enum vionet_access access, int result, const char *text)
{
	struct vionet_memory *memory = (void *)1;
	int fds = open_descriptors();

	assert_int_equal(vionet_memory_register_fd(device, fd, offset, address, size,
						   access, &memory), result);
	assert_null(memory);
	assert_text(text);
	assert_int_equal(open_descriptors(), fds);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct refusal sizes[] = {
		{ 0, 0, -EINVAL, "not zero" },
		{ 1, PAGE, -EINVAL, "multiples of 4096" },
		{ 0, PAGE + 1, -EINVAL, "multiples of 4096" },
		{ 0, FILE_SIZE + PAGE, -EINVAL, "the file has only 32768" },
		{ FILE_SIZE, PAGE, -EINVAL, "the file has only 32768" },
		{ FILE_SIZE + PAGE, PAGE, -EINVAL, "the file has only" },
		{ -(uint64_t)PAGE, 2 * PAGE, -EINVAL, "the file has only" },
	};
	struct env *env = env_start(0, 0, 0, 0);
	int fd = make_file(0), ends[2];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		refuse(env->device, fd, sizes[i].offset, NULL, sizes[i].size,
		       VIONET_DEVICE_READS, sizes[i].result, sizes[i].text);
	refuse(env->device, fd, 0, NULL, PAGE, 3, -EINVAL, "access 3");
	refuse(env->device, 1023, 0, NULL, PAGE, VIONET_DEVICE_READS, -EBADF, "1023");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	refuse(env->device, ends[0], 0, NULL, PAGE, VIONET_DEVICE_READS, -EINVAL,
	       "memfd_create");
	close(ends[0]);
	close(ends[1]);
	close(fd);
	env_stop(env);
}

/* A mapping of something else would be sent by some devices, and the file by others. */
static void other_mappings_are_refused(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	int fd = make_file(0), other = make_file(0);
	uint8_t *all = map_all(fd), *private, *read_only;
	struct vionet_memory *memory;

	(void)state;
	private = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	read_only = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	refuse(env->device, fd, OFFSET, all, SIZE, VIONET_DEVICE_READS, -EINVAL,
	       "no shared mapping");
	refuse(env->device, other, 0, all, SIZE, VIONET_DEVICE_READS, -EINVAL,
	       "no shared mapping");
	refuse(env->device, fd, 0, private, SIZE, VIONET_DEVICE_READS, -EINVAL,
	       "no shared mapping");
	refuse(env->device, fd, 0, read_only, SIZE, VIONET_DEVICE_WRITES, -EACCES,
	       "read-only");
	assert_int_equal(munmap(all + PAGE, PAGE), 0);
	refuse(env->device, fd, 0, all, SIZE, VIONET_DEVICE_READS, -EINVAL,
	       "no shared mapping");
	/* Two adjacent mappings of the file are accepted as one. */
	assert_int_equal(mprotect(read_only, PAGE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(vionet_memory_register_fd(env->device, fd, 0, read_only, SIZE,
						   VIONET_DEVICE_READS, &memory), 0);
	assert_int_equal(vionet_memory_unregister(memory), 0);
	env->model->unmapped_live = 0;
	munmap(all, FILE_SIZE);
	munmap(private, FILE_SIZE);
	munmap(read_only, FILE_SIZE);
	close(fd);
	close(other);
	env_stop(env);
}

/* Whole pages of the file's own kind. */
static void huge_pages_stay_whole(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | 21u << 26);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4 << 20), 0);
	refuse(env->device, fd, 0, NULL, PAGE, VIONET_DEVICE_READS, -EINVAL,
	       "multiples of 2097152");
	refuse(env->device, fd, PAGE, NULL, 2 << 20, VIONET_DEVICE_READS, -EINVAL,
	       "multiples of 2097152");
	refuse(env->device, fd, 0, NULL, 6 << 20, VIONET_DEVICE_READS, -EINVAL,
	       "the file has only 4194304");
	close(fd);
	env_stop(env);
}

/* A read-only file can hold frames; there is no room for headers. */
static void a_file_for_reading_only(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	struct vionet_pool_options options = { .struct_size = sizeof(options),
					       .count = 4, .access = VIONET_DEVICE_READS };
	struct vionet_pool *pool;
	char path[64];
	int fd = make_file(0), reading;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reading = open(path, O_RDONLY | O_CLOEXEC);
	refuse(env->device, reading, 0, NULL, SIZE, VIONET_DEVICE_WRITES, -EACCES, "map");
	assert_int_equal(vionet_memory_register_fd(env->device, reading, 0, NULL, SIZE,
						   VIONET_DEVICE_READS,
						   &options.memory), 0);
	assert_int_equal(vionet_pool_create(env->device, &options, &pool), -EINVAL);
	assert_text("reading only");
	send_last(env->tx, options.memory);
	assert_int_equal(vionet_memory_unregister(options.memory), 0);
	env->model->unmapped_live = 0;
	close(reading);
	close(fd);
	env_stop(env);
}

/* ---- a vfio-user server ---- */

static void a_server_gets_the_file(void **state)
{
	struct proxy *p = proxy_of(state);
	int fd = make_file(MFD_ALLOW_SEALING);
	struct vionet_device *device;
	struct vionet_memory *memory;
	struct vionet_packet *packet;
	struct vionet_queue *rx;
	uint8_t *all = map_all(fd);

	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_memory_register_fd(device, fd, OFFSET, NULL, SIZE,
						   VIONET_DEVICE_READS, &memory), 0);
	pthread_mutex_lock(&p->lock);
	assert_int_equal(p->window[0].flags & O_ACCMODE, O_RDONLY);
	/* The application goes on growing it, and mapping it for writing. */
	assert_int_equal(p->window[0].seals, F_SEAL_SHRINK);
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	memset(all + OFFSET + SIZE - 100, 0x44, 100);
	send_last(vionet_device_tx_queue(device, 0), memory);
	rx = vionet_device_rx_queue(device, 0);
	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	assert_int_equal(packet->length, 100);
	assert_memory_equal(packet->data, all + OFFSET + SIZE - 100, 100);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_memory_unregister(memory), 0);
	assert_int_equal(vionet_device_close(device), 0);
	munmap(all, FILE_SIZE);
	close(fd);
}

/* What it does not release stays registered. */
static void a_server_keeps_it(void **state)
{
	struct proxy *p = proxy_of(state);
	int fd = make_file(MFD_ALLOW_SEALING);
	struct vionet_memory *memory;
	struct vionet_device *device;

	p->hook = vfu_refuse_unmap;
	p->number = 1;
	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_memory_register_fd(device, fd, OFFSET, NULL, SIZE,
						   VIONET_DEVICE_READS, &memory),
			 0);
	assert_int_equal(vionet_memory_unregister(memory), -EIO);
	assert_text("unregister memory");
	assert_non_null(vionet_memory_address(memory));
	assert_ptr_equal(device->memories, memory);
	assert_int_equal(vionet_device_close(device), 0);
	close(fd);
}

/* Not accepted, if the server could not reach it. */
static void a_server_gets_no_address(void **state)
{
	struct proxy *p = proxy_of(state);
	uint8_t *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = make_file(0); /* no seal will hold */
	struct vionet_memory *memory;
	struct vionet_device *device;

	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_memory_register(device, own, PAGE, VIONET_DEVICE_READS,
						&memory), -ENOTSUP);
	assert_null(memory);
	assert_text("vionet_memory_register_fd");
	refuse(device, fd, 0, NULL, SIZE, VIONET_DEVICE_READS, -EPERM,
	       "MFD_ALLOW_SEALING");
	assert_int_equal(requests(p, VFU_DMA_MAP), 0);
	assert_int_equal(vionet_device_close(device), 0);
	munmap(own, PAGE);
	close(fd);
}

/* ---- a vhost-user back end ---- */

#define with_backend(name) \
	cmocka_unit_test_setup_teardown(name, raise_backend, drop_backend)

/* Before the rings run, and while they do. */
static void a_back_end_gets_the_file(void **state)
{
	struct backend *b = *state;
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 16, .tx_queue_size = 16 };
	int fd = make_file(MFD_ALLOW_SEALING);
	struct vionet_device *device;
	uint8_t *all = map_all(fd);

	assert_int_equal(open_backend(b, "", &device), 0);
	for (unsigned int late = 0; late < 2; late++) {
		struct vionet_memory *memory;
		struct vionet_packet *p;
		double limit;

		if (late)
			assert_int_equal(vionet_device_start(device, &start), 0);
		assert_int_equal(vionet_memory_register_fd(device, fd, OFFSET, NULL, SIZE,
							   VIONET_DEVICE_READS,
							   &memory), 0);
		if (!late)
			assert_int_equal(vionet_device_start(device, &start), 0);
		memset(all + OFFSET + SIZE - 100, 0x55 + (int)late, 100);
		send_last(vionet_device_tx_queue(device, 0), memory);
		/* It sends frames back. */
		for (limit = watch_clock() + TEST_TIMEOUT_S;
		     vionet_queue_receive(vionet_device_rx_queue(device, 0), &p, 1) == 0;)
			assert_true(watch_clock() < limit);
		assert_int_equal(p->length, 100);
		assert_memory_equal(p->data, all + OFFSET + SIZE - 100, 100);
		vionet_packet_free(&p, 1);
		assert_int_equal(vionet_device_stop(device), 0);
		assert_int_equal(vionet_memory_unregister(memory), 0);
	}
	assert_int_equal(vionet_device_close(device), 0);
	munmap(all, FILE_SIZE);
	close(fd);
}

static void a_back_end_gets_no_address(void **state)
{
	struct backend *b = *state;
	int fd = make_file(0), sealable = make_file(MFD_ALLOW_SEALING);
	struct vionet_memory *memory;
	struct vionet_device *device;
	uint8_t *all = map_all(fd);

	assert_int_equal(open_backend(b, ",read-only", &device), 0);
	assert_int_equal(vionet_memory_register(device, all, SIZE, VIONET_DEVICE_READS,
						&memory), -ENOTSUP);
	assert_text("vionet_memory_register_fd");
	refuse(device, fd, 0, NULL, SIZE, VIONET_DEVICE_READS, -EPERM,
	       "MFD_ALLOW_SEALING");
	refuse(device, sealable, 0, NULL, SIZE, VIONET_DEVICE_READS, -ENOTSUP,
	       "read-only");
	assert_int_equal(vionet_device_close(device), 0);
	munmap(all, FILE_SIZE);
	close(fd);
	close(sealable);
}

static void refuse_cut(struct vionet_device *device)
{
	int fd = make_file(MFD_ALLOW_SEALING);

	cut_first = true;
	refuse(device, fd, OFFSET, NULL, SIZE, VIONET_DEVICE_READS, -EINVAL, "was cut");
	cut_first = false;
	close(fd);
	fd = make_file(MFD_ALLOW_SEALING);
	refuse(device, fd, OFFSET, NULL, FILE_SIZE, VIONET_DEVICE_READS, -EINVAL,
	       "has only");
	close(fd);
	assert_int_equal(vionet_device_close(device), 0);
}

static void a_file_that_is_cut_meanwhile(void **state)
{
	struct proxy *p = proxy_of(state);

	proxy_start(p);
	refuse_cut(open_device(p));
}

static void a_file_that_is_cut_meanwhile_either(void **state)
{
	struct vionet_device *device;

	assert_int_equal(open_backend(*state, "", &device), 0);
	refuse_cut(device);
}

/* What is used again tells nothing of what was there. */
static void freed_room_is_zeroed(void **state)
{
	static const uint8_t zero[PAGE];
	struct vionet_device *device;
	struct vionet_memory *m, *again;
	uint8_t *place;

	assert_int_equal(open_backend(*state, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vn_device_memory_alloc(device, PAGE, VN_DEVICE_READS, false, &m), 0);
	place = m->memory.address;
	assert_memory_equal(place, zero, PAGE);
	memset(place, 0xa5, PAGE);
	vn_device_memory_free(m);
	assert_int_equal(vn_device_memory_alloc(device, PAGE, VN_DEVICE_READS, false, &again), 0);
	assert_ptr_equal(again->memory.address, place);
	assert_memory_equal(place, zero, PAGE);
	vn_device_memory_free(again);
	assert_int_equal(vionet_device_close(device), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_sent_from),
		cmocka_unit_test(a_pool_lies_in_a_file),
		cmocka_unit_test(a_pool_without_a_descriptor),
		cmocka_unit_test(closing_releases_files),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(other_mappings_are_refused),
		cmocka_unit_test(huge_pages_stay_whole),
		cmocka_unit_test(a_file_for_reading_only),
		with_proxy(a_server_gets_the_file),
		with_proxy(a_server_keeps_it),
		with_proxy(a_server_gets_no_address),
		with_backend(a_back_end_gets_the_file),
		with_backend(a_back_end_gets_no_address),
		with_proxy(a_file_that_is_cut_meanwhile),
		with_backend(a_file_that_is_cut_meanwhile_either),
		with_backend(freed_room_is_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
