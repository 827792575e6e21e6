/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server or back end can do to the open files that it shares with the driver. */
#include "tests/unit/vhost_user_env.h"
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Linux 5.1 */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#include "base/event.h"
#include "base/received.h"
#include "driver/ring/kick.h"
#include "tests/unit/fuse_file.h"

#define FULL 0xfffffffffffffffeull
/* More than the kernel has room for, of results that nobody takes. */
enum { KICKS = 1000 };

/* ---- eventfds that are full, and whose writer is to wait ---- */

/* As full as a write can make it, and blocking. */
static void hold(int fd)
{
	uint64_t count;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	(void)!read(fd, &count, sizeof(count));
	count = FULL;
	assert_int_equal(write(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

static void held_eventfds_hold_nothing(void **state)
{
	struct vn_event_sender sender = { 0 };
	int fd = eventfd(0, EFD_CLOEXEC);
	bool context;

	(void)state;
	vn_event_sender_open(&sender);
	context = sender.context != 0;
	alarm(60); /* a call that blocks would not come back */
	assert_int_equal(vn_event_send(&sender, fd), 0);
	assert_true(vn_event_take(fd));
	assert_false(vn_event_take(fd));
	for (unsigned int i = 0; i < KICKS; i++) {
		hold(fd);
		assert_int_equal(vn_event_send(&sender, fd), 0);
	}
	assert_true(vn_event_take(fd));
	vn_event_sender_close(&sender);
	/* A kernel without asynchronous I/O. */
	sender.shared = true;
	hold(fd);
	assert_int_equal(vn_event_send(&sender, fd), 0);
	assert_true(vn_event_take(fd));
	assert_int_equal(vn_event_send(&sender, fd), 0);
	assert_true(vn_event_take(fd));
	alarm(0);
	close(fd);
	if (!context)
		print_message("no asynchronous I/O here: only the way without it was tried\n");
}

static void kick_while_held(struct vionet_device *device)
{
	struct vionet_queue *queues[] = { vionet_device_rx_queue(device, 0),
					  vionet_device_tx_queue(device, 0) };

	alarm(60);
	for (unsigned int i = 0; i < KICKS; i++)
		for (unsigned int j = 0; j < 2; j++) {
			assert_true(queues[j]->doorbell.fd >= 0);
			vn_queue_kick(queues[j]);
		}
}

/* From then on the back end takes no kick. */
static int take_over_kick(struct backend *b, unsigned int queue)
{
	int fd;

	LOCKED(b, {
		fd = fcntl(b->queue[queue].kick, F_DUPFD_CLOEXEC, 0);
		proxy_note_fd(&b->queue[queue].kick, -1);
	});
	proxy_wake(&b->proxy);
	assert_true(fd >= 0);
	return fd;
}

static void kicks_are_not_held_by_a_back_end(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	int fds[2];

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	for (unsigned int i = 0; i < 2; i++)
		hold(fds[i] = take_over_kick(b, i));
	kick_while_held(device);
	/* A start kicks all rings; with eventfds of its own, which the back end has not held. */
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 20);
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
	for (unsigned int i = 0; i < 2; i++)
		close(fds[i]);
}

static void kicks_are_not_held_by_a_server(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device *device;

	p->options[0] = "--notify=eventfd";
	for (unsigned int i = 0; i < 2; i++)
		vfu_of(p)->doorbell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	for (unsigned int i = 0; i < 2; i++)
		hold(vfu_of(p)->doorbell[i]);
	kick_while_held(device);
	assert_int_equal(vionet_device_stop(device), 0);
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
	assert_true(proxy_ended(p));
}

/* ---- memory whose file the other side has, too ---- */

/* All that holds of the file, and not of one of its mappings. */
static void change_file(int fd)
{
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 1 << 30), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1); /* it is mapped for writing */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
	(void)flock(fd, LOCK_EX);
	(void)fcntl(fd, F_SETLEASE, F_RDLCK);
	(void)fcntl(fd, F_SETOWN, getpid());
	(void)fcntl(fd, F_SETSIG, SIGKILL);
	(void)fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK | O_APPEND | O_NOATIME);
	(void)lseek(fd, 12345, SEEK_SET);
	(void)fchmod(fd, 0);
}

/* A mapping of the other side's, which has the faults there for itself to resolve. */
struct watched {
	void *mapped;
	size_t size;
	int uffd; /* -1: it may not */
};

static struct watched watched[PROXY_WINDOWS];
static unsigned int watched_count;

static int watch_faults(const struct watched *w)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)w->mapped, .len = w->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* user mode only */);

	if (uffd >= 0 && (ioctl(uffd, UFFDIO_API, &api) != 0 ||
			  ioctl(uffd, UFFDIO_REGISTER, &range) != 0)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

/* Each page of it is gone, and who looks for one in that mapping waits for ever. */
static void take_pages(int fd)
{
	struct watched *w = &watched[watched_count++];
	struct stat found;

	assert_int_equal(fstat(fd, &found), 0);
	w->size = (size_t)found.st_size;
	w->mapped = mmap(NULL, w->size, PROT_READ, MAP_SHARED, fd, 0);
	w->uffd = watch_faults(w);
	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, found.st_size);
}

static void nobody_has_waited(void)
{
	struct uffd_msg message;

	while (watched_count != 0) {
		struct watched *w = &watched[--watched_count];

		if (w->uffd >= 0) {
			assert_int_equal(read(w->uffd, &message, sizeof(message)), -1);
			close(w->uffd);
		}
		munmap(w->mapped, w->size);
	}
}

static void to_each_file(struct backend *b, void (*what)(int fd))
{
	LOCKED(b, {
		for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
			if (b->proxy.window[i].used)
				what(b->proxy.window[i].fd);
	});
}

/* Nothing of it reaches our mapping but that its bytes are zeros: then the queues may break, and the
 * next start is as ever. */
static void a_back_end_changes_the_file_of_our_memory(void **state)
{
	struct vionet_open_options options = { .struct_size = sizeof(options),
					       .flags = VIONET_OPEN_NO_HUGEPAGES };
	struct backend *b = *state;
	struct vionet_packet *packets[8];
	struct vionet_device *device;
	char name[100];

	b->proxy.violates = true; /* of rings that are zeroed */
	snprintf(name, sizeof(name), "vhost-user:%s", b->proxy.path);
	assert_int_equal(vionet_device_open(name, &options, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	alarm(60);
	to_each_file(b, change_file);
	turn_frames(device, 0, 20);
	to_each_file(b, take_pages);
	for (unsigned int i = 0; i < 20; i++) {
		struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
		uint32_t count = vionet_packet_alloc(vionet_queue_pool(tx), packets, 8), sent;

		for (uint32_t j = 0; j < count; j++)
			packets[j]->length = 100;
		sent = vionet_queue_transmit(tx, packets, count);
		vionet_packet_free(packets + sent, count - sent);
		count = vionet_queue_receive(vionet_device_rx_queue(device, 0), packets, 8);
		vionet_packet_free(packets, count);
	}
	nobody_has_waited();
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 20);
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- descriptors of a file system that the other side serves ---- */

static struct fuse_file file;

static unsigned int waits(void)
{
	return __atomic_load_n(&file.count->main_waits, __ATOMIC_SEQ_CST);
}

static unsigned int closes(void)
{
	return __atomic_load_n(&file.count->closed, __ATOMIC_SEQ_CST);
}

static void await_close(unsigned int before)
{
	for (double limit = watch_clock() + TEST_TIMEOUT_S; closes() == before;)
		if (watch_clock() > limit)
			fail_msg("a descriptor is still open");
}

/* One more, which is not the last. */
static int another(void)
{
	int fd = fcntl(file.fd, F_DUPFD_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static int open_fuse(void **state)
{
	(void)state;
	if (!fuse_file_open(&file))
		print_message("no FUSE for this user: its tests are skipped\n");
	return 0;
}

static int close_fuse(void **state)
{
	(void)state;
	if (file.fd >= 0)
		fuse_file_close(&file);
	return 0;
}

/* A look at it, and its end, cost no request that this thread waits for: fstat, fstatfs and close
 * do. */
static void a_served_file_is_not_waited_for(void **state)
{
	unsigned int before, before_close;
	struct stat found;
	int seals;

	(void)state;
	if (file.fd < 0)
		skip();
	before = waits();
	assert_int_equal(fstat(file.fd, &found), 0);
	assert_true(waits() > before);
	before = waits();
	before_close = closes();
	assert_int_equal(vn_received_type(file.fd), S_IFREG);
	assert_false(vn_received_memory(file.fd, &seals));
	vn_received_close(another());
	await_close(before_close);
	assert_int_equal(waits(), before);
	close(another());
	assert_true(waits() > before);
}

/* In the place of the BAR's file, or of the record; or with a reply that has none. */
static void pass_it(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	if (q->command != (uint32_t)p->number)
		return;
	if (q->command != VFU_REGION_INFO || p->protocol == &vhu_protocol)
		r->fds[r->fd_count ? r->fd_count - 1 : r->fd_count++] = file.fd;
	else if (r->fd_count != 0)
		r->fds[0] = file.fd;
}

static void a_server_passes_one(void **state)
{
	struct proxy *p = proxy_of(state);
	unsigned int before, before_close;
	struct vn_function *f;

	map_bar_file(p, bar_file(F_SEAL_SHRINK));
	p->hook = pass_it;
	proxy_start(p);
	if (file.fd < 0)
		skip();
	before = waits();
	before_close = closes();
	p->number = VFU_REGION_INFO;
	f = open_function(p); /* its BAR is reached by messages */
	assert_int_equal(f->region[PROXY_REGION].sparse_count, 0);
	assert_int_equal(f->ops->close(f), 0);
	assert_true(proxy_ended(p));
	await_close(before_close);
	p->number = VFU_REGION_READ;
	assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), -EIO);
	assert_text("unsolicited descriptors");
	assert_true(proxy_ended(p));
	assert_int_equal(waits(), before);
}

static void a_back_end_passes_one(void **state)
{
	static const uint32_t requests[] = { RQ_GET_INFLIGHT_FD, RQ_GET_FEATURES };
	struct backend *b = *state;
	struct vionet_device *device;
	unsigned int before, before_close;

	if (file.fd < 0)
		skip();
	before = waits();
	before_close = closes();
	b->proxy.hook = pass_it;
	for (unsigned int i = 0; i < 2; i++) {
		LOCKED(b, b->proxy.number = (int)requests[i]);
		if (open_backend(b, "", &device) == 0) {
			assert_int_equal(vionet_device_start(device, NULL), -EIO);
			assert_int_equal(vionet_device_close(device), 0);
		}
		assert_text(i == 0 ? "no shared memory" : "descriptors");
		if (i == 0)
			await_close(before_close);
	}
	assert_int_equal(waits(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_eventfds_hold_nothing),
		cmocka_unit_test_setup_teardown(kicks_are_not_held_by_a_back_end, raise_backend,
						drop_backend),
		with_proxy(kicks_are_not_held_by_a_server),
		cmocka_unit_test_setup_teardown(a_back_end_changes_the_file_of_our_memory,
						raise_backend, drop_backend),
		cmocka_unit_test(a_served_file_is_not_waited_for),
		with_proxy(a_server_passes_one),
		cmocka_unit_test_setup_teardown(a_back_end_passes_one, raise_backend, drop_backend),
	};

	return cmocka_run_group_tests(tests, open_fuse, close_fuse);
}
