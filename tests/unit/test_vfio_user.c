/* SPDX-License-Identifier: BSD-3-Clause */
/* A function behind a vfio-user server that behaves: the operations of the seam, and the
 * whole driver over it. */
#include "tests/unit/bed.h"

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

#include "driver/queue.h"
#include "tests/unit/vu_server.h"

struct rig {
	struct vu_server *server;
	int descriptors;
};

static int raise_rig(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->descriptors = open_descriptors();
	rig->server = vu_server_create();
	*state = rig;
	return 0;
}

/* Nothing may be left open. */
static int drop_rig(void **state)
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

static struct vu_server *server_of(void **state)
{
	return ((struct rig *)*state)->server;
}

static struct vn_function *open_function(struct vu_server *s)
{
	struct vn_function *function;

	if (vn_function_open_vfio_user(s->path, &function))
		fail_msg("%s", vionet_error_text());
	return function;
}

static struct vionet_device *open_device(struct vu_server *s)
{
	struct vionet_device *device;
	char name[100];

	snprintf(name, sizeof(name), "vfio-user:%s", s->path);
	if (vionet_device_open(name, NULL, &device))
		fail_msg("%s", vionet_error_text());
	return device;
}

/* The BAR as a file: of the right size, and sealed or not. */
static int bar_file(int seals)
{
	int fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, 0x4000), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static unsigned int said(struct vu_server *s, unsigned int command)
{
	unsigned int count;

	pthread_mutex_lock(&s->lock);
	count = s->said[command];
	pthread_mutex_unlock(&s->lock);
	return count;
}

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
	assert_int_equal(vendor, 0x1af4);
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
	pthread_mutex_unlock(&s->lock);
	/* Linux 5.1 and later. */
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

static void ask_memory(struct vu_server *s, struct vn_memory *memory,
		       struct vn_function *f, bool descriptors)
{
	memset(&asked, 0, sizeof(asked));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vn_memory_alloc(4096, false, &memory[i]), 0);
		if (!descriptors) {
			close(memory[i].fd);
			memory[i].fd = -1;
		}
	}
	strcpy(memory[0].address, "to be read");
	assert_int_equal(f->ops->memory_add(f, &memory[0], VN_DEVICE_READS,
					    &asked.readable), 0);
	assert_int_equal(f->ops->memory_add(f, &memory[1], VN_DEVICE_WRITES,
					    &asked.writable), 0);
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->window[1].flags >= 0, descriptors);
	pthread_mutex_unlock(&s->lock);
}

static void release_memory(struct vn_memory *memory)
{
	for (int i = 0; i < 2; i++) {
		if (memory[i].fd < 0)
			munmap(memory[i].address, memory[i].size);
		vn_memory_free(&memory[i]);
	}
}

static void test_access_while_we_wait(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_memory memory[2];
	struct vn_function *f;
	uint16_t vendor;

	s->no_fds = true;
	vu_server_start(s);
	f = open_function(s);
	ask_memory(s, memory, f, true);
	pthread_mutex_lock(&s->lock);
	s->hook = ask_in_between;
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &vendor, 2), 0);
	assert_int_equal(vendor, 0x1af4);
	check_asked(memory[0].address, memory[1].address);
	pthread_mutex_lock(&s->lock);
	s->hook = NULL;
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(f->ops->close(f), 0);
	release_memory(memory);
}

/* The same while nobody waits, with memory that has no descriptor. */
static void test_access_when_idle(void **state)
{
	struct vu_server *s = server_of(state);
	struct pollfd waiting = { .events = POLLIN };
	struct vn_memory memory[2];
	struct vn_function *f;

	vu_server_start(s);
	f = open_function(s);
	ask_memory(s, memory, f, false);
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

/* ---- the whole driver ---- */

static char last_frame[2048];

static void keep_frame(void *context, const uint8_t *frame, size_t length)
{
	(void)context;
	memcpy(last_frame, frame, length < sizeof(last_frame) ? length :
							       sizeof(last_frame));
}

static void start_device(struct vionet_device *device)
{
	const struct vionet_start_options options = {
		.rx_queue_size = 64, .tx_queue_size = 64,
	};

	if (vionet_device_start(device, &options))
		fail_msg("%s", vionet_error_text());
}

static void send_frame(struct vionet_device *device, const char *text)
{
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 60);
	strcpy((char *)packet->data, text);
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
}

static void close_device(struct vionet_device *device, struct vu_server *s)
{
	if (vionet_device_close(device))
		fail_msg("%s", vionet_error_text());
	assert_true(vu_server_ended(s));
	assert_int_equal(s->model->faults, 0);
	assert_int_equal(s->model->dma_before_master, 0);
	assert_int_equal(s->model->unmapped_live, 0);
	assert_int_equal(s->model->status, 0);
}

static void test_driver(void **state)
{
	struct vu_server *s = server_of(state);
	static const char hello[60] = "hello";
	struct vionet_pci_details details;
	struct vionet_device_info info;
	struct vionet_packet *packet;
	struct vionet_device *device;
	struct vionet_queue *rx;

	s->model->on_frame = keep_frame;
	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_string_equal(info.transport, "virtio-pci");
	assert_non_null(strstr(info.name, s->path));
	assert_int_equal(info.quarantined, 0);
	assert_int_equal(vionet_device_pci_details(device, &details), 0);
	assert_int_equal(details.iommu_group, -1);
	assert_string_equal(details.iommu, "vfio-user");

	rx = vionet_device_rx_queue(device, 0);
	assert_null(rx->doorbell.address);
	assert_int_equal(rx->doorbell.fd, -1);
	send_frame(device, "by a write through the seam");
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->model->sent, 1);
	assert_string_equal(last_frame + 12, "by a write through the seam");
	assert_int_equal(model_deliver(s->model, (const uint8_t *)hello, 60, 0, -1),
			 1);
	model_interrupt(s->model, 0);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(vionet_queue_wait(rx, 0, 1000), 1);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	assert_string_equal((char *)packet->data, "hello");
	vionet_packet_free(&packet, 1);
	close_device(device, s);
}

/* Each kind of doorbell, and the order in which they are preferred. */
static void test_doorbell_mapped(void **state)
{
	struct vu_server *s = server_of(state);
	struct vionet_device *device;
	uint8_t *page;

	s->bar_fd = bar_file(F_SEAL_SHRINK);
	s->doorbell[1] = eventfd(0, EFD_NONBLOCK);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->bar_fd,
		    VU_NOTIFY);
	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	assert_non_null(vionet_device_tx_queue(device, 0)->doorbell.address);
	memset(page, 0xee, 8);
	send_frame(device, "by a store");
	assert_int_equal(page[4], 1);
	assert_int_equal(page[5], 0);
	assert_int_equal(said(s, SAY_IO_FDS), 0);
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->model->doorbells, 0);
	pthread_mutex_unlock(&s->lock);
	close_device(device, s);
	munmap(page, 4096);
}

static void test_doorbell_eventfd(void **state)
{
	struct vu_server *s = server_of(state);
	struct vionet_device *device;
	uint64_t count;

	s->doorbell[0] = eventfd(0, EFD_NONBLOCK);
	s->doorbell[1] = eventfd(0, EFD_NONBLOCK);
	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	assert_true(vionet_device_tx_queue(device, 0)->doorbell.fd >= 0);
	assert_int_equal(read(s->doorbell[0], &count, 8), 8); /* the buffers */
	assert_int_equal(read(s->doorbell[1], &count, 8), -1);
	send_frame(device, "by an eventfd");
	assert_int_equal(read(s->doorbell[1], &count, 8), 8);
	assert_int_equal(count, 1);
	assert_int_equal(read(s->doorbell[0], &count, 8), -1);
	assert_int_equal(said(s, SAY_IO_FDS), 1);
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->model->doorbells, 0);
	pthread_mutex_unlock(&s->lock);
	close_device(device, s);
}

/* One that blocks could hold us in a kick. */
static void test_doorbell_eventfd_blocking(void **state)
{
	struct vu_server *s = server_of(state);
	struct vionet_device *device;

	s->doorbell[1] = eventfd(0, 0);
	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	assert_int_equal(vionet_device_tx_queue(device, 0)->doorbell.fd, -1);
	send_frame(device, "by a write");
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->model->sent, 1);
	pthread_mutex_unlock(&s->lock);
	close_device(device, s);
}

/* A queue's thread kicks while the control thread talks on the same socket. */
static void *kick_often(void *argument)
{
	struct vionet_queue *tx = vionet_device_tx_queue(argument, 0);
	struct vionet_packet *packet;

	for (int i = 0; i < 500; i++) {
		if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
			continue;
		packet->length = 60;
		if (vionet_queue_transmit(tx, &packet, 1) != 1)
			vionet_packet_free(&packet, 1);
	}
	(void)vionet_queue_drain(tx, 1000);
	return NULL;
}

static void test_kick_from_another_thread(void **state)
{
	struct vu_server *s = server_of(state);
	struct vionet_device_info info;
	struct vionet_device *device;
	struct vionet_queue_stats stats;
	pthread_t thread;
	uint32_t events;

	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	assert_int_equal(pthread_create(&thread, NULL, kick_often, device), 0);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(info.status, 15);
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_int_equal(events, 0);
	}
	pthread_join(thread, NULL);
	vionet_queue_stats(vionet_device_tx_queue(device, 0), &stats);
	assert_true(stats.packets > 100);
	pthread_mutex_lock(&s->lock);
	assert_int_equal(s->model->sent, stats.packets);
	pthread_mutex_unlock(&s->lock);
	close_device(device, s);
}

/* Many in a row, none of them slow: patience is for waiting only. */
static void test_many_kicks_are_no_wait(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	uint16_t one = 1;
	double end;

	vu_server_start(s);
	f = open_function(s);
	end = seconds() + 3.0;
	while (seconds() < end)
		assert_int_equal(f->ops->write(f, 4, VU_NOTIFY, &one, 2), 0);
	assert_int_equal(f->ops->close(f), 0);
}

static void hang_up(struct vu_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
}

static void test_server_vanishes(void **state)
{
	struct vu_server *s = server_of(state);
	struct pollfd waiting = { .events = POLLIN };
	struct vionet_device_info info;
	struct vionet_device *device;
	uint32_t events;
	double start;

	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	vu_server_job(s, hang_up);
	waiting.fd = vionet_device_eventfd(device);
	assert_int_equal(poll(&waiting, 1, 2000), 1);
	start = seconds();
	send_frame(device, "to nobody");
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_GONE);
	assert_int_equal(vionet_device_info(device, &info), -ENODEV);
	assert_int_equal(vionet_device_stop(device), -ENODEV);
	assert_int_equal(vionet_device_start(device, NULL), -ENODEV);
	assert_int_equal(vionet_device_close(device), -ENODEV);
	assert_true(seconds() - start < 0.5);
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

#define with_rig(name) cmocka_unit_test_setup_teardown(name, raise_rig, drop_rig)

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
		with_rig(test_writable_memory),
		with_rig(test_mappings_run_out),
		with_rig(test_access_while_we_wait),
		with_rig(test_access_when_idle),
		with_rig(test_driver),
		with_rig(test_doorbell_mapped),
		with_rig(test_doorbell_eventfd),
		with_rig(test_doorbell_eventfd_blocking),
		with_rig(test_kick_from_another_thread),
		with_rig(test_many_kicks_are_no_wait),
		with_rig(test_server_vanishes),
		with_rig(test_names),
		with_rig(test_nobody_listens),
		with_rig(test_no_permission),
		with_rig(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
