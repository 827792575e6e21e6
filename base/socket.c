/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/socket.h"

/* How often it is tried again, and how long where the backlog is full. */
#define SOCKET_RETRY (20 * VN_MS)
#define BUSY_LIMIT (2000 * VN_MS)

static int socket_make_address(const char *path, struct sockaddr_un *address)
{
	size_t length = strlen(path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length == 0)
		return vn_error(EINVAL, "a path is wanted behind the colon");
	if (length >= sizeof(address->sun_path))
		return vn_error(EINVAL, "the path has %zu bytes, a socket's may have %zu; "
				"use a shorter one, or a link to it", length,
				sizeof(address->sun_path) - 1);
	memcpy(address->sun_path, path, length);
	return 0;
}

/* Only for the words: what is there now may not be what was connected to. */
static int socket_check_kind(const char *path)
{
	struct stat found;

	if (stat(path, &found) != 0 || S_ISSOCK(found.st_mode))
		return 0;
	return vn_error(EINVAL, "this is a %s, not a socket",
			S_ISDIR(found.st_mode) ? "directory" : "file");
}

static int socket_make(int *fd)
{
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *fd < 0 ? vn_error_errno(errno, "make a socket") : 0;
}

/* 0 or a positive errno. */
static int socket_try(const struct sockaddr_un *address, int fd)
{
	int result;

	do {
		result = connect(fd, (const struct sockaddr *)address,
				 sizeof(*address));
	} while (result != 0 && errno == EINTR);
	return result == 0 ? 0 : errno;
}

static int socket_not_connected(int code, const struct vn_socket_peer *peer)
{
	switch (code) {
	case ENOENT:
	case ENOTDIR:
		return vn_error(ENODEV, "there is no such socket; start the %s that "
				"makes it%s", peer->name, peer->remedy);
	case ECONNREFUSED:
		return vn_error(ENXIO, "no process listens at this socket; start the %s%s "
				"(the file may be left from an earlier one)",
				peer->name, peer->remedy);
	case EACCES:
	case EPERM:
		return vn_error(EACCES, "no permission to connect; see its owner and "
				"mode with ls -l");
	case EAGAIN:
		return vn_error(EBUSY, "the %s does not accept connections; is another "
				"process connected?", peer->name);
	case EPROTOTYPE:
		return vn_error(EINVAL, "this is not a stream socket");
	case ELOOP:
	case ENAMETOOLONG:
		vn_error_errno(code, "connect");
		return -EINVAL;
	default:
		return vn_error_local(code, "connect");
	}
}

int vn_socket_connect(const char *path, const struct vn_socket_peer *peer,
		      uint64_t end, int *fd)
{
	uint64_t busy_end = vn_now() + BUSY_LIMIT;
	struct sockaddr_un address;
	int code, result = socket_make_address(path, &address);

	*fd = -1;
	if (result == 0)
		result = socket_make(fd);
	if (result)
		return result;
	for (;;) {
		uint64_t until = end;

		code = socket_try(&address, *fd);
		if (code == EAGAIN)
			until = busy_end;
		else if (code != ENOENT && code != ECONNREFUSED)
			break;
		if (vn_now() >= until || socket_check_kind(path) != 0)
			break;
		vn_sleep(SOCKET_RETRY);
	}
	if (code == 0)
		return 0;
	close(*fd);
	*fd = -1;
	result = socket_check_kind(path);
	return result ? result : socket_not_connected(code, peer);
}

/* ---- listening ---- */

static int socket_no_place(int code)
{
	switch (code) {
	case EACCES:
	case EPERM:
	case EROFS:
		return vn_error(EACCES, "no permission to make a socket there; see the "
				"owner and mode of its folder with ls -ld");
	case ENOENT:
	case ENOTDIR:
		return vn_error(ENODEV, "there is no folder for the socket; make it: "
				"mkdir -p");
	default:
		return vn_error_local(code, "make the socket");
	}
}

/* Something is there: does a process listen behind it? */
static int socket_remove_left_over(const char *path, const struct sockaddr_un *address)
{
	struct stat found;
	int fd, code, result;

	if (lstat(path, &found) == 0 && !S_ISSOCK(found.st_mode))
		return vn_error(EINVAL, "there is a file of that name, and it is no "
				"socket");
	result = socket_make(&fd);
	if (result)
		return result;
	code = socket_try(address, fd);
	close(fd);
	if (code == EACCES || code == EPERM)
		return socket_no_place(code);
	if (code != ECONNREFUSED && code != ENOENT)
		return vn_error(EBUSY, "another process listens there; end it, or leave "
				"out ',server' to connect to it");
	if (unlink(path) != 0 && errno != ENOENT)
		return socket_no_place(errno);
	return 0;
}

static int socket_bind(int fd, const char *path, const struct sockaddr_un *address)
{
	const struct sockaddr *a = (const struct sockaddr *)address;
	int result;

	if (bind(fd, a, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return socket_no_place(errno);
	result = socket_remove_left_over(path, address);
	if (result == 0 && bind(fd, a, sizeof(*address)) != 0)
		result = socket_no_place(errno);
	return result;
}

int vn_socket_listen(const char *path, int *fd)
{
	struct sockaddr_un address;
	int result = socket_make_address(path, &address);

	*fd = -1;
	if (result == 0)
		result = socket_make(fd);
	if (result)
		return result;
	result = socket_bind(*fd, path, &address);
	if (result == 0 && listen(*fd, 1) != 0)
		result = vn_error_local(errno, "listen");
	if (result) {
		close(*fd);
		*fd = -1;
	}
	return result;
}
