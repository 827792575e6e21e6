/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/socket_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int listen_make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Nobody listens at it: 0. */
static int listen_check_dead(const struct sockaddr_un *address)
{
	int fd = listen_make_socket();
	int result;

	if (fd < 0)
		return fd;
	result = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
				 errno != ECONNREFUSED
			 ? -EADDRINUSE
			 : 0;
	close(fd);
	return result;
}

/* What is left of a process that has died. */
static int listen_clear(const struct socket_directory *directory,
			const struct sockaddr_un *address)
{
	struct stat status;
	int result;

	if (fstatat(directory->fd, directory->socket, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
		return -EEXIST;
	result = listen_check_dead(address);
	if (result == 0 && unlinkat(directory->fd, directory->socket, 0) != 0 && errno != ENOENT)
		result = -errno;
	return result;
}

/* Under a name beside it, which nobody else uses while the lock is ours. */
static int listen_make_beside(const struct socket_directory *directory, int backlog)
{
	struct socket_directory beside = *directory;
	struct sockaddr_un address;
	int fd, result;

	snprintf(beside.socket, sizeof(beside.socket), "%.*s.new", SOCKET_NAME_MAX - 5, directory->socket);
	unlinkat(beside.fd, beside.socket, 0);
	socket_directory_address(&beside, &address);
	fd = listen_make_socket();
	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    fchmodat(beside.fd, beside.socket, S_IRUSR | S_IWUSR, 0) == 0 && listen(fd, backlog) == 0 &&
	    renameat(beside.fd, beside.socket, directory->fd, directory->socket) == 0)
		return fd;
	result = -errno;
	unlinkat(beside.fd, beside.socket, 0);
	close(fd);
	return result;
}

/* A client that sees the socket gets through: it listens by then, and its mode is right. */
static int listen_make(const struct socket_directory *directory, int backlog)
{
	struct sockaddr_un address;
	int result;

	socket_directory_address(directory, &address);
	result = listen_clear(directory, &address);
	return result != 0 ? result : listen_make_beside(directory, backlog);
}

int socket_listen(const struct socket_directory *directory, int backlog, int *lock)
{
	int fd;

	*lock = socket_lock_take(directory);
	if (*lock < 0)
		return *lock;
	fd = listen_make(directory, backlog);
	if (fd >= 0)
		return fd;
	unlinkat(directory->fd, directory->lock, 0);
	close(*lock);
	*lock = -1;
	return fd;
}

void socket_listen_remove(const struct socket_directory *directory)
{
	unlinkat(directory->fd, directory->socket, 0);
	unlinkat(directory->fd, directory->lock, 0);
}
