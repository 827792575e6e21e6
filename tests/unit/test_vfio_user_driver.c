/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole driver over vfio-user to the software device: doorbells of each kind, and
 * threads. */
#include "tests/unit/vfio_user_env.h"

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

/* The device does not have the rings, and the driver does not see that: where nobody looks at
 * them, every notification is wanted. */
static bool is_register(const struct proxy_message *q, unsigned int command, uint64_t offset)
{
	return q->command == command && wire_get32(q->body + 8) == PROXY_REGION &&
	       wire_get64(q->body) == offset;
}

enum { QUEUE_SELECT = 22, QUEUE_ENABLE = 28 };

static bool without_enable(struct proxy *p, struct proxy_message *q)
{
	if (is_register(q, VFU_REGION_WRITE, QUEUE_SELECT))
		p->number = 0;
	if (!is_register(q, VFU_REGION_WRITE, QUEUE_ENABLE))
		return true;
	p->number = 1;
	return false;
}

static void seems_enabled(struct proxy *p, const struct proxy_message *q,
			  struct proxy_message *r)
{
	if (is_register(q, VFU_REGION_READ, QUEUE_ENABLE))
		r->body[16] = (uint8_t)p->number;
}

static void keep_rings_from_device(struct proxy *p)
{
	p->options[1] = "--features=-EVENT_IDX";
	vfu_of(p)->on_request = without_enable;
	p->hook = seems_enabled;
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

/* The device sends back what it gets. */
static void await_frame(struct vionet_device *device, const char *text)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_packet *packet;

	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	assert_int_equal(packet->length, 60);
	assert_string_equal((char *)packet->data, text);
	vionet_packet_free(&packet, 1);
}

/* It need not be rung while it looks. */
static void ring_by_message(struct vionet_device *device, struct proxy *p)
{
	unsigned int before = doorbells(p);
	double limit = watch_clock() + TEST_TIMEOUT_S;

	do {
		send_frame(device, "by a write through the seam");
		await_frame(device, "by a write through the seam");
		assert_true(watch_clock() < limit);
	} while (doorbells(p) == before);
}

/* Accesses outside its memory, or before it is allowed any, are in the device's verdict. */
static void close_device(struct vionet_device *device, struct proxy *p)
{
	if (vionet_device_close(device))
		fail_msg("%s", vionet_error_text());
	assert_true(proxy_ended(p));
	pthread_mutex_lock(&p->lock);
	assert_int_equal(vfu_of(p)->unmapped_live, 0);
	assert_int_equal(p->status, 0);
	pthread_mutex_unlock(&p->lock);
}

static void test_driver(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_pci_details details = { .struct_size = sizeof(details) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	struct vionet_queue *rx;

	proxy_start(p);
	device = open_device(p);
	start_device(device);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_string_equal(info.transport, "virtio-pci");
	assert_non_null(strstr(info.name, p->path));
	assert_int_equal(info.quarantined, 0);
	assert_int_equal(vionet_device_pci_details(device, &details), 0);
	assert_int_equal(details.iommu_group, -1);
	assert_string_equal(details.iommu, "vfio-user");

	rx = vionet_device_rx_queue(device, 0);
	assert_null(rx->doorbell.address);
	assert_int_equal(rx->doorbell.fd, -1);
	ring_by_message(device, p);
	close_device(device, p);
}

/* With the device's own page and eventfds, none comes as a message. */
static void test_doorbells_of_the_device(void **state)
{
	static const char *const modes[] = { "--notify=page", "--notify=eventfd" };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct proxy *p = proxy_with(NULL, 0);
		struct vionet_device *device;
		struct vionet_queue *tx;

		p->options[0] = modes[i];
		proxy_start(p);
		device = open_device(p);
		start_device(device);
		tx = vionet_device_tx_queue(device, 0);
		assert_int_equal(tx->doorbell.address != NULL, i == 0);
		assert_int_equal(tx->doorbell.fd >= 0, i == 1);
		send_frame(device, "to a doorbell of the device");
		await_frame(device, "to a doorbell of the device");
		assert_int_equal(doorbells(p), 0);
		close_device(device, p);
		proxy_destroy(p);
	}
}

/* Each kind of doorbell, and the order in which they are preferred. */
static void test_doorbell_mapped(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device *device;
	uint8_t *page;

	map_bar_file(p, bar_file(F_SEAL_SHRINK));
	keep_rings_from_device(p);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vfu_of(p)->bar_fd,
		    PROXY_NOTIFY);
	proxy_start(p);
	device = open_device(p);
	start_device(device);
	assert_non_null(vionet_device_tx_queue(device, 0)->doorbell.address);
	memset(page, 0xee, 8);
	send_frame(device, "by a store");
	assert_int_equal(page[4], 1);
	assert_int_equal(page[5], 0);
	assert_int_equal(requests(p, VFU_REGION_IO_FDS), 0);
	assert_int_equal(doorbells(p), 0);
	close_device(device, p);
	munmap(page, 4096);
}

static void test_doorbell_eventfd(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device *device;
	uint64_t count;

	p->options[0] = "--notify=eventfd";
	keep_rings_from_device(p);
	vfu_of(p)->doorbell[0] = eventfd(0, EFD_NONBLOCK);
	vfu_of(p)->doorbell[1] = eventfd(0, EFD_NONBLOCK);
	proxy_start(p);
	device = open_device(p);
	start_device(device);
	assert_true(vionet_device_tx_queue(device, 0)->doorbell.fd >= 0);
	assert_int_equal(read(vfu_of(p)->doorbell[0], &count, 8), 8); /* the buffers */
	assert_int_equal(read(vfu_of(p)->doorbell[1], &count, 8), -1);
	send_frame(device, "by an eventfd");
	assert_int_equal(read(vfu_of(p)->doorbell[1], &count, 8), 8);
	assert_int_equal(count, 1);
	assert_int_equal(read(vfu_of(p)->doorbell[0], &count, 8), -1);
	assert_int_equal(requests(p, VFU_REGION_IO_FDS), 1);
	assert_int_equal(doorbells(p), 0);
	close_device(device, p);
}

/* A blocking descriptor could block the driver in a kick. */
static void test_doorbell_eventfd_blocking(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device *device;

	p->options[0] = "--notify=eventfd";
	vfu_of(p)->doorbell[1] = eventfd(0, 0);
	proxy_start(p);
	device = open_device(p);
	start_device(device);
	assert_int_equal(vionet_device_tx_queue(device, 0)->doorbell.fd, -1);
	ring_by_message(device, p);
	close_device(device, p);
}

/* Several places, in entries of 40 bytes and in longer ones: the right one is found by
 * its offset, the width of the access, and the value where it counts. */
static void many_doorbells(struct proxy *p, const struct proxy_message *q,
			   struct proxy_message *r)
{
	static const struct {
		uint64_t offset, size;
		uint32_t fd, type, flags;
		uint64_t match;
	} places[] = {
		{ PROXY_NOTIFY, 2, 0, 1, 0, 0 },	  /* an ioregionfd */
		{ PROXY_NOTIFY, 2, 0, 0, 2, 0 },	  /* an I/O port */
		{ PROXY_NOTIFY, 1, 0, 0, 0, 0 },	  /* another width */
		{ PROXY_NOTIFY, 2, 1, 0, 1, 7 },	  /* for one value */
		{ PROXY_NOTIFY, 0, 1, 0, 1, 3 },
		{ PROXY_NOTIFY + 8, 4, 1, 0, 0, 0 }, /* a descriptor shared */
	};
	size_t stride = (size_t)p->number;

	if (q->command != VFU_REGION_IO_FDS)
		return;
	memset(r->body, 0, 16 + 6 * stride);
	for (unsigned int i = 0; i < 6; i++) {
		uint8_t *at = r->body + 16 + i * stride;

		wire_put64(at, places[i].offset);
		wire_put64(at + 8, places[i].size);
		wire_put32(at + 16, places[i].fd);
		wire_put32(at + 20, places[i].type);
		wire_put32(at + 24, places[i].flags);
		wire_put64(at + (stride == 40 ? 32 : 40), places[i].match);
	}
	wire_put32(r->body, (uint32_t)(16 + 6 * stride));
	wire_put32(r->body + 8, PROXY_REGION);
	wire_put32(r->body + 12, 6);
	r->length = 16 + 6 * stride;
	r->fd_count = 2;
}

static void test_doorbell_choice(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	uint64_t count;
	int one, two, none;

	p->options[0] = "--notify=eventfd";
	vfu_of(p)->doorbell[0] = eventfd(0, EFD_NONBLOCK);
	vfu_of(p)->doorbell[1] = eventfd(0, EFD_NONBLOCK);
	p->hook = many_doorbells;
	proxy_start(p);
	for (p->number = 40; p->number <= 48; p->number += 8) {
		f = open_function(p);
		assert_int_equal(f->ops->eventfd(f, 4, PROXY_NOTIFY, 2, 7, &one), 0);
		assert_int_equal(f->ops->eventfd(f, 4, PROXY_NOTIFY, 2, 3, &two), 0);
		assert_int_not_equal(one, two);
		assert_int_equal(f->ops->eventfd(f, 4, PROXY_NOTIFY, 2, 0, &none),
				 -ENOTSUP);
		assert_int_equal(none, -1);
		assert_int_equal(f->ops->eventfd(f, 4, PROXY_NOTIFY + 2, 2, 0, &none),
				 -ENOTSUP);
		assert_int_equal(f->ops->eventfd(f, 4, PROXY_NOTIFY + 8, 2, 2, &none), 0);
		count = 1;
		assert_int_equal(write(one, &count, 8), 8);
		assert_int_equal(write(none, &count, 8), 8);
		assert_int_equal(read(vfu_of(p)->doorbell[1], &count, 8), 8);
		assert_int_equal(count, 2);
		assert_int_equal(f->ops->close(f), 0);
		assert_true(proxy_ended(p));
	}
}

/* A forked child inherits the socket; the server still sees the connection end. */
static void test_close_is_for_all(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	pid_t child;
	int status;

	proxy_start(p);
	f = open_function(p);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(f->ops->close(f), 0);
	assert_true(proxy_ended(p));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static bool kicker_ended;

/* A queue's thread kicks while the control thread talks on the same socket. */
static void *kick_often(void *argument)
{
	struct vionet_queue *tx = vionet_device_tx_queue(argument, 0);
	double limit = watch_clock() + TEST_TIMEOUT_S;
	struct vionet_packet *packet;

	for (int sent = 0; sent < 500 && watch_clock() < limit;) {
		if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
			continue;
		packet->length = 60;
		if (vionet_queue_transmit(tx, &packet, 1) == 1)
			sent++;
		else
			vionet_packet_free(&packet, 1);
	}
	(void)vionet_queue_drain(tx, 1000);
	__atomic_store_n(&kicker_ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static uint64_t receive_all(struct vionet_device *device)
{
	struct vionet_packet *packets[32];
	uint32_t n = vionet_queue_receive(vionet_device_rx_queue(device, 0), packets, 32);

	vionet_packet_free(packets, n);
	return n;
}

static void test_kick_from_another_thread(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	double limit = watch_clock() + TEST_TIMEOUT_S;
	uint64_t received = 0;
	pthread_t thread;
	uint32_t events;

	p->options[1] = "--features=-EVENT_IDX";
	p->options[2] = "--lossless";
	proxy_start(p);
	device = open_device(p);
	start_device(device);
	kicker_ended = false;
	assert_int_equal(pthread_create(&thread, NULL, kick_often, device), 0);
	/* A frame that finds no receive buffer is sent when there is one: receive until all are. */
	for (int i = 0; i < 300 || !__atomic_load_n(&kicker_ended, __ATOMIC_ACQUIRE); i++) {
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(info.status, 15);
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_int_equal(events, 0);
		received += receive_all(device);
	}
	pthread_join(thread, NULL);
	vionet_queue_stats(vionet_device_tx_queue(device, 0), &stats);
	assert_int_equal(stats.packets, 500);
	while (received < stats.packets && watch_clock() < limit)
		received += receive_all(device);
	assert_int_equal(received, stats.packets);
	close_device(device, p);
}

static int kickers_stop;

static void *kick_without_pause(void *argument)
{
	struct vn_function *f = argument;
	uint16_t one = htole16(1);

	while (!__atomic_load_n(&kickers_stop, __ATOMIC_RELAXED))
		(void)f->ops->write(f, 4, PROXY_NOTIFY, &one, 2);
	return NULL;
}

/* A thread that kicks all the time does not starve the control thread. */
static void test_turns_are_fair(void **state)
{
	struct proxy *p = proxy_of(state);
	pthread_t threads[3];
	struct vn_function *f;
	double longest = 0;
	struct watch start;
	uint16_t vendor;

	kickers_stop = 0;
	p->violates = true; /* the device does not run */
	proxy_start(p);
	f = open_function(p);
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

static void pause_once(struct proxy *p, const struct proxy_message *q,
		       struct proxy_message *r)
{
	(void)q, (void)r;
	p->hook = NULL;
	usleep(700000);
}

/* Kicks for three seconds; returns what the slow ones took beyond 10 ms. */
static double kick_for_long(struct vn_function *f)
{
	uint16_t one = htole16(1);
	double now = watch_clock(), end = now + 3.0, slow = 0, before;

	while (now < end) {
		before = now;
		assert_int_equal(f->ops->write(f, 4, PROXY_NOTIFY, &one, 2), 0);
		now = watch_clock();
		if (now - before > 0.010)
			slow += now - before - 0.010;
	}
	return slow;
}

/* Many in a row, none of them slow: only waiting uses up the budget. */
static void test_many_kicks_are_no_wait(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_function *f;
	uint16_t one = htole16(1);
	double limit = watch_clock() + TEST_TIMEOUT_S;

	p->violates = true; /* the device does not run */
	proxy_start(p);
	f = open_function(p);
	/* On a machine this busy they are slow: wait until nothing of it counts. */
	while (kick_for_long(f) > 1.0) {
		assert_true(watch_clock() < limit);
		usleep(8000000);
	}
	/* The budget is what it was before. */
	pthread_mutex_lock(&p->lock);
	p->hook = pause_once;
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->write(f, 4, PROXY_NOTIFY, &one, 2), 0);
	assert_int_equal(f->ops->close(f), 0);
}

static void hang_up(struct proxy *p)
{
	shutdown(p->fd, SHUT_RDWR);
}

/* A server that has announced nothing is asked for its health once a second at most. */
static void test_health_is_asked_for_seldom(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vn_transport *transport;
	struct vionet_device *device;
	struct watch begin;
	uint8_t status = 0;
	int second;

	proxy_start(p);
	device = open_device(p);
	start_device(device);
	transport = device->transport;
	do {
		begin = watch_start();
		(void)transport->ops->health(transport, &status);
		second = transport->ops->health(transport, &status);
	} while (watch_took(begin) > 0.9);
	assert_int_equal(second, -EAGAIN);
	assert_int_equal(vionet_device_close(device), 0);
}

static void test_server_vanishes(void **state)
{
	struct proxy *p = proxy_of(state);
	struct pollfd waiting = { .events = POLLIN };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	uint32_t events;
	struct watch start;

	proxy_start(p);
	device = open_device(p);
	start_device(device);
	proxy_job(p, hang_up);
	waiting.fd = vionet_device_event_fd(device);
	assert_int_equal(poll(&waiting, 1, (int)TEST_TIMEOUT_S * 1000), 1);
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
		with_proxy(test_driver),
		counted(test_doorbells_of_the_device),
		with_proxy(test_doorbell_mapped),
		with_proxy(test_doorbell_eventfd),
		with_proxy(test_doorbell_eventfd_blocking),
		with_proxy(test_doorbell_choice),
		with_proxy(test_close_is_for_all),
		with_proxy(test_kick_from_another_thread),
		with_proxy(test_turns_are_fair),
		with_proxy(test_many_kicks_are_no_wait),
		with_proxy(test_health_is_asked_for_seldom),
		with_proxy(test_server_vanishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
