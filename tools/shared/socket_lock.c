/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/socket_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 16

/* Is it still the file of that name? The process that had it before may just have removed it. */
static bool lock_is_named(const struct socket_directory *directory, int lock)
{
	struct stat opened, named;

	return fstat(lock, &opened) == 0 &&
	       fstatat(directory->fd, directory->lock, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static void lock_write_process(int lock)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)length, 0) != length)
		return; /* it only helps to say who it is */
}

/* Of the open file: it goes with the process, and asking for it takes nothing. */
static int lock_control(int fd, int command)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, command, &lock) != 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return lock.l_type == F_UNLCK || command != F_OFD_GETLK ? 0 : -EAGAIN;
}

int socket_lock_take(const struct socket_directory *directory)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int lock = openat(directory->fd, directory->lock,
				  O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
				  S_IRUSR | S_IWUSR);
		int result;

		if (lock < 0)
			return -errno;
		result = lock_control(lock, F_OFD_SETLK);
		if (result == 0 && lock_is_named(directory, lock)) {
			lock_write_process(lock);
			return lock;
		}
		close(lock);
		if (result != 0)
			return result == -EAGAIN ? -EBUSY : result;
	}
	return -EBUSY;
}

int socket_lock_process(const struct socket_directory *directory)
{
	int lock = openat(directory->fd, directory->lock,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[16] = "";
	int process = 0;

	if (lock < 0)
		return 0;
	if (lock_control(lock, F_OFD_GETLK) == -EAGAIN &&
	    pread(lock, text, sizeof(text) - 1, 0) > 0)
		process = atoi(text);
	close(lock);
	return process;
}
