/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/hostile.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "softnic/loop.h"
#include "softnic/net/net.h"
#include "softnic/options.h"
#include "softnic/vfio_user/server.h"
#include "tests/fuzz/world.h"

#define STEPS_MAX 400u
#define IDLE_STEPS 12u
#define WAITS_MAX 4000u
#define DESCRIPTORS 256
#define LOOK_NS 50000u

struct hostile_message hostile_message;
struct hostile hostile;

static struct {
	hostile_step *step;
	char path[64], listen[80];
	unsigned int steps, idle, waits;
	struct features offered;
	struct {
		uint16_t avail, next;
		bool packed, wrap;
	} ring[HOSTILE_QUEUES];
} client;

/* ---- the connection ---- */

static void client_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (hostile.fd >= 0)
		return;
	strcpy(address.sun_path, client.path);
	hostile.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(hostile.fd >= 0 && connect(hostile.fd, (const void *)&address, sizeof(address)) == 0);
}

static void client_leave(void)
{
	if (hostile.fd >= 0)
		close(hostile.fd);
	hostile.fd = -1;
}

void hostile_put(uint64_t value, size_t size)
{
	value = htole64(value);
	memcpy(hostile_message.bytes + hostile_message.size, &value, size);
	hostile_message.size += size;
}

void hostile_send(const void *bytes, size_t size, const int *fds, unsigned int count)
{
	union {
		char bytes[CMSG_SPACE(24 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (hostile.fd < 0)
		return;
	if (count != 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, count * sizeof(int));
	}
	/* One that the device does not read on is full at some time. */
	(void)sendmsg(hostile.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Take what the device says; descriptors are for nobody. */
static void client_drain(void)
{
	static uint8_t bytes[1 << 16];
	union {
		char bytes[CMSG_SPACE(64 * sizeof(int))];
		struct cmsghdr align;
	} control;

	while (hostile.fd >= 0) {
		struct iovec part = { bytes, sizeof(bytes) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(hostile.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (got == 0)
			client_leave();
		if (got <= 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
			for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
				close(fd);
			}
	}
}

/* ---- rings ---- */

static void client_put(uint64_t at, uint64_t value, size_t size)
{
	value = htole64(value);
	memcpy(hostile.at + at % (HOSTILE_MEMORY - 8), &value, size);
}

/* A descriptor at the place of one: of the client's memory most often. */
static void client_descriptor(unsigned int q, unsigned int i, unsigned int what)
{
	uint64_t at = HOSTILE_RING(q) + 16 * (uint64_t)i, address = HOSTILE_IOVA + HOSTILE_DATA + 0x400u * (what & 0x3f);
	uint32_t length = what & 0x100 ? fuzz_take16() : 64 + (what >> 2 & 0xff);
	unsigned int flags = what >> 9 & 7;
	bool wrap = client.ring[q].wrap;

	if (what & 0x1000)
		address = fuzz_take64();
	if (what & 0x2000)
		length = fuzz_take32();
	if (!(what & 0x8000))
		flags &= ~4u; /* an indirect table less often */
	client_put(at, address, 8);
	client_put(at + 8, length, 4);
	if (client.ring[q].packed) {
		client_put(at + 12, i, 2);
		client_put(at + 14, flags | (wrap ? 0x80u : 0x8000u), 2);
	} else {
		client_put(at + 12, flags, 2);
		client_put(at + 14, what & 0x4000 ? fuzz_take8() : (i + 1) % HOSTILE_SIZE, 2);
	}
}

/* Descriptors are made available, as a driver does it or nearly so. */
static void client_push(unsigned int what)
{
	unsigned int q = what % HOSTILE_QUEUES, count = 1 + (what >> 4 & 3);
	uint64_t driver = HOSTILE_RING(q) + 0x1000;

	while (count-- != 0) {
		unsigned int i = client.ring[q].next++ % HOSTILE_SIZE;

		client_descriptor(q, i, fuzz_take16());
		client_put(driver + 4 + 2 * (uint64_t)(client.ring[q].avail % HOSTILE_SIZE), i, 2);
		client.ring[q].avail++;
		if (i == HOSTILE_SIZE - 1)
			client.ring[q].wrap = !client.ring[q].wrap;
	}
	if (what & 0x80)
		client.ring[q].avail = (uint16_t)(client.ring[q].avail + fuzz_take8());
	client_put(driver + 2, client.ring[q].avail, 2);
}

/* A command in the memory of the control queue: header, data, acknowledgement. */
static void client_command(unsigned int what)
{
	unsigned int q = what & 0x10 ? 4 : 2;
	uint8_t data[64] = { 0 };
	uint64_t at = HOSTILE_DATA + 0x8000;
	size_t size = 2 + (fuzz_take8() & 31);

	if (what & 0x20)
		(void)fuzz_take_bytes(data, size);
	data[0] = fuzz_take8() & 15;
	data[1] = fuzz_take8() & 7;
	memcpy(hostile.at + at, data, sizeof(data));
	for (unsigned int part = 0; part < 2; part++) {
		unsigned int i = client.ring[q].next++ % HOSTILE_SIZE;
		uint64_t descriptor = HOSTILE_RING(q) + 16 * (uint64_t)i;
		unsigned int flags = part == 0 ? 1 : 2;

		client_put(descriptor, HOSTILE_IOVA + at + 0x100 * part, 8);
		client_put(descriptor + 8, part == 0 ? size : fuzz_take8() & 0x7f, 4);
		if (client.ring[q].packed) {
			client_put(descriptor + 12, i, 2);
			client_put(descriptor + 14, flags | (client.ring[q].wrap ? 0x80u : 0x8000u), 2);
		} else {
			client_put(descriptor + 12, flags, 2);
			client_put(descriptor + 14, (i + 1) % HOSTILE_SIZE, 2);
		}
		if (part == 0)
			client_put(HOSTILE_RING(q) + 0x1004 + 2 * (uint64_t)(client.ring[q].avail % HOSTILE_SIZE), i, 2);
		if (i == HOSTILE_SIZE - 1)
			client.ring[q].wrap = !client.ring[q].wrap;
	}
	client_put(HOSTILE_RING(q) + 0x1002, ++client.ring[q].avail, 2);
}

static void client_scribble(void)
{
	uint32_t at = fuzz_take32() % (HOSTILE_MEMORY - 64);

	if (at & 1)
		at %= HOSTILE_DATA;
	(void)fuzz_take_bytes(hostile.at + at, 1 + (fuzz_take8() & 31));
}

/* Rings as when they are set up; features of a beginning. */
static void client_begin(unsigned int what)
{
	memset(hostile.at, 0, HOSTILE_DATA);
	memset(hostile.features, 0xff, sizeof(hostile.features));
	if (what & 0x10)
		(void)fuzz_take_bytes(hostile.features, 10);
	/* No more than is offered, most often. */
	for (unsigned int i = 0; i < sizeof(hostile.features) && !(what & 0x40); i++)
		hostile.features[i] &= (uint8_t)(client.offered.word[i / 8] >> 8 * (i % 8));
	hostile.features[4] |= 1;
	if (what & 0x20)
		hostile.features[4] &= (uint8_t)~4u; /* RING_PACKED */
	for (unsigned int q = 0; q < HOSTILE_QUEUES; q++) {
		client.ring[q].packed = (hostile.features[4] & 4) != 0;
		client.ring[q].wrap = true;
		client.ring[q].avail = client.ring[q].next = 0;
	}
}

static void client_step(void)
{
	unsigned int what = fuzz_take8();
	uint64_t one = 1;

	switch (what & 15) {
	case 0:
		client_begin(what);
		break;
	case 1:
	case 2:
		client_push(fuzz_take8());
		break;
	case 3:
		client_command(what);
		break;
	case 4:
		client_scribble();
		break;
	case 5:
		(void)!write(hostile.event[(what >> 4) % HOSTILE_QUEUES], &one, sizeof(one));
		break;
	case 6:
		fuzz_pass((uint64_t)fuzz_take16() << (what >> 4)); /* time passes */
		break;
	case 7:
		if (what >> 4 == 0)
			client_leave();
		break;
	default:
		client.step(what);
	}
}

/* In the place of the device's wait. */
static int client_iterate(struct pollfd *fds, unsigned int count)
{
	int ready;

	FUZZ_CHECK(++client.waits < WAITS_MAX);
	client_drain();
	client_connect();
	if (fuzz_more() && client.steps < STEPS_MAX) {
		client.steps++;
		client_step();
	} else if (++client.idle > IDLE_STEPS) {
		fds[0].revents = POLLIN; /* a signal: the end */
		for (unsigned int i = 1; i < count; i++)
			fds[i].revents = 0;
		return 1;
	}
	ready = poll(fds, count, 0);
	FUZZ_CHECK(ready >= 0);
	return ready;
}

static int client_poll(struct pollfd *fds, unsigned long count)
{
	return client_iterate(fds, (unsigned int)count);
}

/* ---- what the device has in the place of the C library's ---- */

int __wrap_clock_gettime(clockid_t id, struct timespec *time);
int __wrap_usleep(unsigned int microseconds);
void __wrap_complain(const char *format, ...);

static uint64_t client_now;

int __wrap_clock_gettime(clockid_t id, struct timespec *time)
{
	(void)id;
	client_now += LOOK_NS;
	*time = (struct timespec){ .tv_sec = (time_t)(client_now / 1000000000u), .tv_nsec = (long)(client_now % 1000000000u) };
	return 0;
}

int __wrap_usleep(unsigned int microseconds)
{
	client_now += 1000ull * microseconds;
	return 0;
}

void __wrap_complain(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
}

/* ---- a device ---- */

static void client_options(struct options *options, const char *option)
{
	static char name[] = "vionet-softnic", queues[] = "--queues=2", all[] = "--features=+all", shuffled[] = "--features=+all,-IN_ORDER", shuffle[] = "--shuffle";
	static char *const peers[] = { "--peer=loop", "--peer=echo", "--peer=sink", "--peer=source:100" };
	static char *const notify[] = { "--notify=eventfd", "--notify=page", "--notify=write", "--notify-multiplier=64" };
	static char *const vectors[] = { "--vectors=8", "--vectors=0", "--vectors=2", "--transitional" };
	static char *const more[] = { "--strict", "--lossless", "--limit=100kpps", "--reset-time=1" };
	char *arguments[12] = { name, client.listen, queues };
	unsigned int how = fuzz_take8(), also = fuzz_take8();
	int count = 3;

	arguments[count++] = peers[how & 3];
	arguments[count++] = how & 0x80 ? shuffled : all;
	if (how & 0x40)
		arguments[count++] = more[also & 3];
	if (how & 0x80)
		arguments[count++] = shuffle;
	if (option) {
		arguments[count++] = (char *)(uintptr_t)option;
	} else {
		arguments[count++] = notify[how >> 2 & 3];
		arguments[count++] = vectors[how >> 4 & 3];
	}
	memset(options, 0, sizeof(*options));
	options_parse(count, arguments, options);
}

static unsigned int client_descriptors(void)
{
	unsigned int open = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	return open;
}

static void client_prepare(void)
{
	if (hostile.at)
		return;
	snprintf(client.path, sizeof(client.path), "/tmp/vionet-fuzz-%ld", (long)getpid());
	snprintf(client.listen, sizeof(client.listen), "--listen=%s", client.path);
	hostile.memory = memfd_create("client", MFD_CLOEXEC);
	FUZZ_CHECK(hostile.memory >= 0 && ftruncate(hostile.memory, (off_t)HOSTILE_MEMORY) == 0);
	hostile.at = mmap(NULL, HOSTILE_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, hostile.memory, 0);
	FUZZ_CHECK(hostile.at != MAP_FAILED);
	for (unsigned int q = 0; q < HOSTILE_QUEUES; q++)
		hostile.event[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void client_device(struct device *device)
{
	const struct options *options = device->options;

	device->offered = options->offer;
	device->mtu = options->mtu;
	device->queue_count = 2 * options->queue_pairs + features_have(&options->offer, FT_CTRL_VQ);
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		device->queue[i].device = device;
		device->queue[i].index = i;
	}
}

void hostile_run(const uint8_t *bytes, size_t size, const struct transport *transport, const char *option, hostile_step *step)
{
	static struct options options;
	static struct device device;
	static struct server server;
	unsigned int before;

	client_prepare();
	fuzz_world_begin(bytes, size);
	client.step = step;
	client.steps = client.idle = client.waits = 0;
	client_now = 1000000000;
	hostile.fd = -1;
	client_options(&options, option);
	client.offered = options.offer;
	client_begin(0);
	before = client_descriptors();
	memset(&device, 0, sizeof(device));
	memset(&server, 0, sizeof(server));
	device.options = &options;
	device.server = &server;
	client_device(&device);
	FUZZ_CHECK(net_open(&device) == 0 && transport->open(&device) == 0);
	fuzz_poll = client_poll;
	FUZZ_CHECK(loop_run(&device, NULL, hostile.event[0]) == 0);
	fuzz_poll = NULL;
	transport->close(&device);
	net_close(&device);
	client_leave();
	FUZZ_CHECK(client_descriptors() == before);
}
