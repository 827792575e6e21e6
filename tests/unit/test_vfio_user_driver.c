/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole driver over a vfio-user server that behaves: doorbells of each kind, and
 * threads. */
#include "tests/unit/vu_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/state/queue.h"

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
		.struct_size = sizeof(options),
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
	struct vionet_pci_details details = { .struct_size = sizeof(details) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
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
	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
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

/* Several places, in entries of 40 bytes and in longer ones: the right one is found by
 * its offset, the width of the access, and the value where it counts. */
static void many_doorbells(struct vu_server *s, const struct vu_message *q,
			   struct vu_message *r)
{
	static const struct {
		uint64_t offset, size;
		uint32_t fd, type, flags;
		uint64_t match;
	} places[] = {
		{ VU_NOTIFY, 2, 0, 1, 0, 0 },	  /* an ioregionfd */
		{ VU_NOTIFY, 2, 0, 0, 2, 0 },	  /* an I/O port */
		{ VU_NOTIFY, 1, 0, 0, 0, 0 },	  /* another width */
		{ VU_NOTIFY, 2, 1, 0, 1, 7 },	  /* for one value */
		{ VU_NOTIFY, 0, 1, 0, 1, 3 },
		{ VU_NOTIFY + 8, 4, 1, 0, 0, 0 }, /* a descriptor shared */
	};
	size_t stride = (size_t)s->number;

	if (q->command != SAY_IO_FDS)
		return;
	memset(r->body, 0, 16 + 6 * stride);
	for (unsigned int i = 0; i < 6; i++) {
		uint8_t *at = r->body + 16 + i * stride;

		vu_put64(at, places[i].offset);
		vu_put64(at + 8, places[i].size);
		vu_put32(at + 16, places[i].fd);
		vu_put32(at + 20, places[i].type);
		vu_put32(at + 24, places[i].flags);
		vu_put64(at + (stride == 40 ? 32 : 40), places[i].match);
	}
	vu_put32(r->body, (uint32_t)(16 + 6 * stride));
	vu_put32(r->body + 8, VU_REGION);
	vu_put32(r->body + 12, 6);
	r->length = 16 + 6 * stride;
}

static void test_doorbell_choice(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	uint64_t count;
	int one, two, none;

	s->doorbell[0] = eventfd(0, EFD_NONBLOCK);
	s->doorbell[1] = eventfd(0, EFD_NONBLOCK);
	s->hook = many_doorbells;
	vu_server_start(s);
	for (s->number = 40; s->number <= 48; s->number += 8) {
		f = open_function(s);
		assert_int_equal(f->ops->eventfd(f, 4, VU_NOTIFY, 2, 7, &one), 0);
		assert_int_equal(f->ops->eventfd(f, 4, VU_NOTIFY, 2, 3, &two), 0);
		assert_int_not_equal(one, two);
		assert_int_equal(f->ops->eventfd(f, 4, VU_NOTIFY, 2, 0, &none),
				 -ENOTSUP);
		assert_int_equal(none, -1);
		assert_int_equal(f->ops->eventfd(f, 4, VU_NOTIFY + 2, 2, 0, &none),
				 -ENOTSUP);
		assert_int_equal(f->ops->eventfd(f, 4, VU_NOTIFY + 8, 2, 2, &none), 0);
		count = 1;
		assert_int_equal(write(one, &count, 8), 8);
		assert_int_equal(write(none, &count, 8), 8);
		assert_int_equal(read(s->doorbell[1], &count, 8), 8);
		assert_int_equal(count, 2);
		assert_int_equal(f->ops->close(f), 0);
		assert_true(vu_server_ended(s));
	}
}

/* A child that was forked has the socket too; the server sees its end all the same. */
static void test_close_is_for_all(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	pid_t child;
	int status;

	vu_server_start(s);
	f = open_function(s);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(f->ops->close(f), 0);
	assert_true(vu_server_ended(s));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
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
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
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

static int kickers_stop;

static void *kick_without_pause(void *argument)
{
	struct vn_function *f = argument;
	uint16_t one = htole16(1);

	while (!__atomic_load_n(&kickers_stop, __ATOMIC_RELAXED))
		(void)f->ops->write(f, 4, VU_NOTIFY, &one, 2);
	return NULL;
}

/* Nobody who kicks all the time keeps the control thread from its turn. */
static void test_turns_are_fair(void **state)
{
	struct vu_server *s = server_of(state);
	pthread_t threads[3];
	struct vn_function *f;
	double longest = 0;
	struct watch start;
	uint16_t vendor;

	kickers_stop = 0;
	vu_server_start(s);
	f = open_function(s);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						kick_without_pause, f), 0);
	for (int i = 0; i < 200; i++) {
		start = watch_start();
		assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &vendor, 2), 0);
		assert_int_equal(le16toh(vendor), 0x1af4);
		if (watch_own(start) > longest)
			longest = watch_own(start);
	}
	__atomic_store_n(&kickers_stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_true(longest < 1.0);
	assert_int_equal(f->ops->close(f), 0);
}

static void pause_once(struct vu_server *s, const struct vu_message *q,
		       struct vu_message *r)
{
	(void)q, (void)r;
	s->hook = NULL;
	usleep(700000);
}

/* Many in a row, none of them slow: patience is for waiting only. */
static void test_many_kicks_are_no_wait(void **state)
{
	struct vu_server *s = server_of(state);
	struct vn_function *f;
	uint16_t one = htole16(1);
	double end;

	vu_server_start(s);
	f = open_function(s);
	end = watch_clock() + 3.0;
	while (watch_clock() < end)
		assert_int_equal(f->ops->write(f, 4, VU_NOTIFY, &one, 2), 0);
	/* There is as much of it as before. */
	pthread_mutex_lock(&s->lock);
	s->hook = pause_once;
	pthread_mutex_unlock(&s->lock);
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
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	uint32_t events;
	struct watch start;

	vu_server_start(s);
	device = open_device(s);
	start_device(device);
	vu_server_job(s, hang_up);
	waiting.fd = vionet_device_event_fd(device);
	assert_int_equal(poll(&waiting, 1, (int)PATIENCE_S * 1000), 1);
	start = watch_start();
	send_frame(device, "to nobody");
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_GONE);
	assert_int_equal(vionet_device_info(device, &info), -ENODEV);
	assert_int_equal(vionet_device_stop(device), -ENODEV);
	assert_int_equal(vionet_device_start(device, NULL), -ENODEV);
	assert_int_equal(vionet_device_close(device), -ENODEV);
	assert_true(watch_own(start) < 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_driver),
		with_rig(test_doorbell_mapped),
		with_rig(test_doorbell_eventfd),
		with_rig(test_doorbell_eventfd_blocking),
		with_rig(test_doorbell_choice),
		with_rig(test_close_is_for_all),
		with_rig(test_kick_from_another_thread),
		with_rig(test_turns_are_fair),
		with_rig(test_many_kicks_are_no_wait),
		with_rig(test_server_vanishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
