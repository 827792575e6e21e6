/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Never tries again: a signal that ends the device ends a call that waits all the same,
 * where a driver fills the counter between the look and the write.
 */
#include "softnic/event.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static bool event_ready(int fd, short what)
{
	struct pollfd look = { .fd = fd, .events = what };

	return poll(&look, 1, 0) == 1 && (look.revents & what) != 0;
}

bool fd_is(int fd, const char *wanted)
{
	char path[64], kind[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, kind, sizeof(kind) - 1);
	if (length < 0)
		return false;
	kind[length] = '\0';
	return strcmp(kind, wanted) == 0;
}

bool event_is(int fd)
{
	return fd_is(fd, "anon_inode:[eventfd]");
}

void event_signal(int fd)
{
	const uint64_t one = 1;

	if (event_ready(fd, POLLOUT) && write(fd, &one, sizeof(one)) < 0)
		return; /* full, or interrupted by the signal that ends us */
}

bool event_take(int fd)
{
	uint64_t count;
	struct iovec place = { &count, sizeof(count) };
	ssize_t got;

	if (fd < 0)
		return false;
	got = preadv2(fd, &place, 1, -1, RWF_NOWAIT);
	/* Linux 5.8; before, the best there is. */
	if (got < 0 && errno == EOPNOTSUPP && event_ready(fd, POLLIN))
		got = read(fd, &count, sizeof(count));
	return got == (ssize_t)sizeof(count);
}
