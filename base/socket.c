/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* What is at `path` already, if it may go. */
static int socket_clear(const char *path, const struct sockaddr_un *address)
{
	struct stat found;

	return lstat(path, &found) == 0 ? socket_remove_left_over(path, address) : 0;
}

/* The longest number of a thread, and the dot in front of it. */
#define BESIDE_LENGTH (sizeof(".4194304") - 1)

/* The same folder and a name that no other thread makes, cut where the whole would get too long. In
 * a folder whose path leaves no room for that, the socket's own. */
static void socket_beside(const struct sockaddr_un *address, struct sockaddr_un *beside)
{
	const char *path = address->sun_path, *slash = strrchr(path, '/');
	size_t most = sizeof(address->sun_path) - 1 - BESIDE_LENGTH;
	size_t kept = strlen(path) < most ? strlen(path) : most;

	*beside = *address;
	if (slash == NULL || (size_t)(slash - path) < kept)
		snprintf(beside->sun_path + kept, BESIDE_LENGTH + 1, ".%d", (int)syscall(SYS_gettid));
}

static int socket_bind(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		return socket_no_place(errno);
	return listen(fd, 1) != 0 ? vn_error_local(errno, "listen") : 0;
}

/* Never in the place of another file. Not every file system can rename like that; what has
 * sockets has links. */
static int socket_name(const char *from, const char *to)
{
	int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

	if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
		result = link(from, to);
		if (result == 0)
			unlink(from);
	}
	if (result != 0 && errno == EEXIST)
		return vn_error(EBUSY, "another process has made a file there just now; end it, "
				       "or leave out ',server' to connect to it");
	return result != 0 ? socket_no_place(errno) : 0;
}

/* It gets its name when it listens: until then a client would be refused. */
static int socket_make_listening(int fd, const char *path, const struct sockaddr_un *address)
{
	struct sockaddr_un beside;
	int result = socket_clear(path, address);

	if (result)
		return result;
	socket_beside(address, &beside);
	if (strcmp(beside.sun_path, path) == 0)
		return socket_bind(fd, address);
	result = socket_clear(beside.sun_path, &beside);
	if (result)
		return result;
	result = socket_bind(fd, &beside);
	if (result == 0)
		result = socket_name(beside.sun_path, path);
	if (result)
		unlink(beside.sun_path);
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
	result = socket_make_listening(*fd, path, &address);
	if (result) {
		close(*fd);
		*fd = -1;
	}
	return result;
}
