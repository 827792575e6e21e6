/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/transport/vectors.h"

int vn_eventfd_open(int *fd, const char *what, unsigned int index)
{
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd < 0 ? vn_error_errno(errno, "eventfd for %s %u", what, index) : 0;
}

int vn_vectors_open(struct vn_vectors *vectors, unsigned int count)
{
	vectors->fds = calloc(count, sizeof(*vectors->fds));
	if (!vectors->fds)
		return vn_error(ENOMEM, "no memory for %u interrupt vectors", count);
	for (vectors->count = 0; vectors->count < count; vectors->count++) {
		int result = vn_eventfd_open(&vectors->fds[vectors->count], "interrupt",
					     vectors->count);

		if (result) {
			vn_vectors_close(vectors);
			return result;
		}
	}
	return 0;
}

void vn_vectors_close(struct vn_vectors *vectors)
{
	for (unsigned int i = 0; i < vectors->count; i++)
		close(vectors->fds[i]);
	free(vectors->fds);
	*vectors = (struct vn_vectors){ NULL, 0 };
}

int vn_vectors_renew(struct vn_transport *transport, struct vn_vectors *vectors, unsigned int wanted,
		     unsigned int most, unsigned int *count)
{
	int result = 0;

	vn_vectors_close(vectors);
	if (wanted > most)
		wanted = most;
	if (wanted != 0)
		result = vn_vectors_open(vectors, wanted);
	transport->vector_fds = vectors->fds;
	*count = vectors->count;
	return result;
}

int vn_watch(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return vn_error_errno(errno, "epoll_ctl");
	return 0;
}
