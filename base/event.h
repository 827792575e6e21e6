/* SPDX-License-Identifier: BSD-3-Clause */
/* Take the signal from an eventfd that another process has too, or give one. Neither blocks, whatever
 * O_NONBLOCK says: that flag belongs to the open file, and the other side can clear it. */
#ifndef VN_BASE_EVENT_H
#define VN_BASE_EVENT_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_NOWAIT /* a C library without preadv2(): musl before 1.2.5 */
#define RWF_NOWAIT 8
#define preadv2(fd, places, count, offset, flags) \
	syscall(SYS_preadv2, fd, places, (long)(count), (long)(offset), 0L, flags)
#endif

/* Has the eventfd (-1: none) been signalled since it was last taken? */
static inline bool vn_event_take(int fd)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	uint64_t count;
	struct iovec place = { &count, sizeof(count) };
	ssize_t got;

	if (fd < 0)
		return false;
	got = preadv2(fd, &place, 1, -1, RWF_NOWAIT);
	/* Linux 5.8; before, the best there is. */
	if (got < 0 && errno == EOPNOTSUPP && poll(&waiting, 1, 0) == 1)
		got = read(fd, &count, sizeof(count));
	return got == (ssize_t)sizeof(count);
}

/* What eventfds are signalled with. All 0: by a write, as those are that only the kernel has. */
struct vn_event_sender {
	bool shared;	       /* the eventfds are another process's, too */
	unsigned long context; /* of asynchronous I/O; 0: the kernel has none for us */
	int file;
};

/* Be ready for eventfds that are shared. Where the kernel has no asynchronous I/O each is
 * looked at before it is written to, which the other side can still slip past. */
void vn_event_sender_open(struct vn_event_sender *sender);
void vn_event_sender_close(struct vn_event_sender *sender);

/* Any thread. Returns 0, also where the counter is full; or a negative errno. */
int vn_event_send(const struct vn_event_sender *sender, int fd);

#endif
