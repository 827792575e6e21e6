/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/vhost_user_env.h"

static void backend_set_identity(struct backend *b)
{
	/* MAC, MTU, MRG_RXBUF, STATUS, VERSION_1, and the protocol's own bit. */
	b->features = 1ull << 5 | 1ull << 3 | 1ull << 15 | 1ull << 16 | 1ull << 30 | 1ull << 32;
	b->protocol = PF_ALL;
	b->queue_num = 2;
	b->slots = 16;
	b->config_size = 12;
	b->inflight_mark = 0x1122334455667788;
	memset(b->config, 0xff, sizeof(b->config));
}

struct backend *backend_create(bool connects)
{
	struct backend *b = calloc(1, sizeof(*b));
	struct proxy *p = &b->proxy;

	proxy_prepare(p, &vhu_protocol);
	p->connects = connects;
	snprintf(b->control, sizeof(b->control), "%s/control", p->folder);
	snprintf(b->control_option, sizeof(b->control_option), "--control=%s", b->control);
	p->fixed[0] = "--vhost-user";
	p->fixed[1] = "--queues=2";
	p->fixed[2] = "--features=all";
	p->fixed[3] = "--mac=02:11:22:33:44:55";
	p->fixed[4] = b->control_option;
	backend_set_identity(b);
	b->request_fd = b->inflight_fd = -1;
	for (unsigned int i = 0; i < BACKEND_QUEUES; i++)
		b->queue[i] = (struct backend_queue){ .kick = -1, .call = -1, .err = -1, .device_kick = -1 };
	proxy_start(p);
	return b;
}

void backend_destroy(struct backend *b)
{
	char violation[sizeof(b->violation)];

	strcpy(violation, b->violation);
	proxy_destroy(&b->proxy);
	assert_string_equal(violation, "");
}

void backend_hang_up(struct backend *b)
{
	proxy_hang_up(&b->proxy);
}

void backend_request(struct backend *b, uint32_t request, bool need_reply, bool with_fd)
{
	static __thread struct proxy_message m;

	proxy_blank(&m);
	m.command = request;
	m.flags = VHU_VERSION | (need_reply ? VHU_NEED_REPLY : 0);
	m.fd_count = with_fd;
	m.fds[0] = b->proxy.wake_fd;
	LOCKED(b, assert_true(proxy_push(&vhu_protocol, b->request_fd, &m)));
}

void backend_send_byte(struct backend *b, uint32_t request, unsigned int byte)
{
	uint8_t bytes[VHU_HEADER + 4] = { 0 };

	wire_put32(bytes, request);
	wire_put32(bytes + 4, VHU_VERSION | VHU_NEED_REPLY);
	wire_put32(bytes + 8, 4);
	LOCKED(b, assert_int_equal(write(b->request_fd, bytes + byte, 1), 1));
}

bool backend_replied(struct backend *b, uint64_t *value)
{
	static __thread struct proxy_message m;
	struct pollfd waits = { .events = POLLIN };
	bool whole;

	LOCKED(b, waits.fd = b->request_fd);
	if (poll(&waits, 1, (int)TEST_TIMEOUT_S * 1000) != 1)
		return false;
	LOCKED(b, whole = proxy_receive(&vhu_protocol, waits.fd, &m));
	*value = wire_get64(m.body);
	return whole && m.flags == (VHU_VERSION | VHU_REPLY) && m.length == 8 && m.came_count == 0;
}

void backend_ring_error(struct backend *b, unsigned int queue)
{
	LOCKED(b, eventfd_write(b->queue[queue].err, 1));
}

/* ---- the device behind it ---- */

/* A command to the device, and all of its answer, which ends with "ok". */
static void backend_command(struct backend *b, const char *command, char answer[2048])
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t have = 0;
	ssize_t got;

	strcpy(at.sun_path, b->control);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_true(dprintf(fd, "%s\n", command) > 0);
	do {
		got = read(fd, answer + have, 2047 - have);
		assert_true(got > 0);
		have += (size_t)got;
		answer[have] = '\0';
		if (strstr(answer, "error:"))
			fail_msg("%s: %s", command, answer);
	} while (have < 3 || strcmp(answer + have - 3, "ok\n") != 0);
	close(fd);
}

void backend_device_fault(struct backend *b, const char *which)
{
	char command[64], answer[2048];

	snprintf(command, sizeof(command), "fault %s", which);
	backend_command(b, command, answer);
}

unsigned int backend_taken(struct backend *b, unsigned int queue)
{
	char answer[2048], name[16];
	unsigned int taken = 0;
	const char *line;

	backend_command(b, "status", answer);
	snprintf(name, sizeof(name), "queue %u:", queue);
	line = strstr(answer, name);
	if (line && (line = strstr(line, "taken ")) != NULL)
		taken = (unsigned int)strtoul(line + 6, NULL, 10);
	return taken;
}

/* A used ring, in a mapping of the region that it lies in. */
struct used_ring {
	uint8_t *map, *at;
	size_t size;
};

static struct used_ring backend_map_used(const struct backend *b, unsigned int queue)
{
	uint64_t used = b->queue[queue].used;
	struct used_ring ring = { NULL, NULL, 0 };

	for (unsigned int i = 0; i < PROXY_WINDOWS; i++) {
		const struct proxy_window *w = &b->proxy.window[i];

		if (!w->used || used - w->user >= w->size)
			continue;
		ring.size = w->size;
		ring.map = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd,
				(off_t)w->offset);
		assert_true(ring.map != MAP_FAILED);
		ring.at = ring.map + (used - w->user);
		return ring;
	}
	fail_msg("the used ring is in no region");
	return ring;
}

static uint16_t *index_of(const struct used_ring *ring)
{
	return (uint16_t *)ring->at + 1;
}

uint16_t backend_used_index(struct backend *b, unsigned int queue)
{
	struct used_ring ring = backend_map_used(b, queue);
	uint16_t index = le16toh(__atomic_load_n(index_of(&ring), __ATOMIC_ACQUIRE));

	munmap(ring.map, ring.size);
	return index;
}

void backend_set_used_index(struct backend *b, unsigned int queue, uint16_t index)
{
	struct used_ring ring = backend_map_used(b, queue);

	__atomic_store_n(index_of(&ring), htole16(index), __ATOMIC_RELEASE);
	munmap(ring.map, ring.size);
}

void backend_add_used(struct backend *b, unsigned int queue, uint16_t size, uint32_t id)
{
	uint16_t index = backend_used_index(b, queue);
	struct used_ring ring = backend_map_used(b, queue);

	wire_put32(ring.at + 4 + 8 * (index % size), htole32(id));
	wire_put32(ring.at + 8 + 8 * (index % size), 0);
	munmap(ring.map, ring.size);
	backend_set_used_index(b, queue, (uint16_t)(index + 1));
}

/* ---- a device over it ---- */

static int fds_before;

int raise_backend(void **state)
{
	fds_before = open_descriptors();
	*state = backend_create(false);
	return 0;
}

int drop_backend(void **state)
{
	backend_destroy(*state);
	assert_int_equal(open_descriptors(), fds_before);
	return 0;
}

int open_backend(struct backend *b, const char *options, struct vionet_device **device)
{
	char name[128];

	snprintf(name, sizeof(name), "vhost-user:%s%s", b->proxy.path, options);
	return vionet_device_open(name, NULL, device);
}

/* IPv4 of a flow of its own, so that the device returns it where it was sent. */
static void fill_frame(uint8_t frame[100], unsigned int pair, uint64_t number)
{
	static const uint8_t ip[] = { 0x08, 0x00, 0x45, 0, 0, 86, 0, 0, 0, 0, 1, 253 };

	memset(frame, (int)number, 100);
	memcpy(frame, &number, sizeof(number));
	memcpy(frame + 12, ip, sizeof(ip));
	memset(frame + 26, (int)pair + 1, 4);
	memset(frame + 30, 10, 4);
}

void turn_frames_of(struct vionet_device *device, unsigned int pair, uint64_t first,
		    uint64_t count)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, pair);
	struct vionet_queue *tx = vionet_device_tx_queue(device, pair);
	uint64_t sent = first, got = first, end = first + count;
	double limit = watch_clock() + TEST_TIMEOUT_S;

	while (got < end) {
		struct vionet_packet *packet;

		if (sent < end && sent - got < 8 &&
		    vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) == 1) {
			fill_frame(packet->data, pair, sent);
			packet->length = 100;
			assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
			sent++;
		}
		while (vionet_queue_receive(rx, &packet, 1) == 1) {
			assert_int_equal(packet->length, 100);
			assert_memory_equal(packet->data, &got, sizeof(got));
			assert_int_equal(packet->data[99], got & 0xff);
			vionet_packet_free(&packet, 1);
			got++;
		}
		if (watch_clock() > limit)
			fail_msg("frame %llu has not come back",
				 (unsigned long long)got);
	}
}

void turn_frames(struct vionet_device *device, uint64_t first, uint64_t count)
{
	turn_frames_of(device, 0, first, count);
}
