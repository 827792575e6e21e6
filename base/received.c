/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: close(2), statx(2), socket(7); systemd closes such descriptors in the same way. */
#include "base/received.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool vn_received_memory(int fd, int *seals)
{
	*seals = fcntl(fd, F_GET_SEALS);
	return *seals >= 0;
}

/* The beginning of struct statx, which not every C library has. */
struct received_status {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, user, group;
	uint16_t mode, spare;
	uint64_t rest[28];
};
_Static_assert(sizeof(struct received_status) == 256, "struct statx");

mode_t vn_received_type(int fd)
{
	const unsigned int empty_path = 0x1000, dont_sync = 0x4000, type = 1;
	struct received_status found;

	/* What the kernel knows already. */
	if (syscall(SYS_statx, fd, "", empty_path | dont_sync, type, &found) != 0)
		return 0;
	return found.mode & S_IFMT;
}

static void *received_close(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

/* Where no thread can be had it stays open: the process has one descriptor less. */
static void received_close_aside(int fd)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_create(&thread, &attributes, received_close, (void *)(intptr_t)fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

void vn_received_close(int fd)
{
	const struct linger none = { 0 };
	mode_t type;
	int seals;

	/* A socket with SO_LINGER waits for its peer. */
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0 ||
	    vn_received_memory(fd, &seals)) {
		close(fd);
		return;
	}
	type = vn_received_type(fd);
	if (type == S_IFREG || type == S_IFBLK || type == S_IFCHR)
		received_close_aside(fd);
	else
		close(fd);
}
