/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Never removes by name what it looked at by name before: between the two it may have
 * become another's.
 */
#include "softnic/vfio_user/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "softnic/text.h"

static int listen_make_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

static int listen_new_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int connect_path(const char *path, int type)
{
	struct sockaddr_un address;
	int result = listen_make_address(&address, path), fd;

	if (result < 0)
		return result;
	fd = listen_new_socket(type);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	result = -errno;
	close(fd);
	return result;
}

/* No process listens at this name: 0. One may: -EADDRINUSE. */
static int listen_check_left_over(const char *path, int type)
{
	int fd = connect_path(path, type);

	if (fd == -ECONNREFUSED || fd == -ENOENT)
		return 0;
	if (fd >= 0)
		close(fd);
	return -EADDRINUSE;
}

/* A name beside `path` that is not in use. */
static int name_beside(const char *path, const char *end,
		       char name[sizeof(((struct sockaddr_un *)0)->sun_path)])
{
	const size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
	int length = snprintf(name, room, "%s.%d%s", path, getpid(), end);

	return length < 0 || (size_t)length >= room ? -ENAMETOOLONG : 0;
}

/* Give the file a name that no other file has. A file system that cannot do that at once is
 * asked twice. */
static int listen_name_file(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (access(to, F_OK) == 0)
		return -EEXIST;
	return rename(from, to) == 0 ? 0 : -errno;
}

/* A socket without a listener is in the way; another file is not ours. It is moved
 * aside and tried again there: if a listener has come meanwhile, it is moved back. */
static int listen_clear_path(const char *path, int type)
{
	char aside[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat file;
	int result;

	if (lstat(path, &file) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(file.st_mode))
		return -EEXIST;
	result = listen_check_left_over(path, type);
	if (result < 0)
		return result;
	/* So long a path leaves no room for another name. */
	if (name_beside(path, "-", aside) < 0)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if (rename(path, aside) < 0)
		return errno == ENOENT ? 0 : -errno;
	result = listen_check_left_over(aside, type);
	if (result < 0)
		(void)listen_name_file(aside, path);
	else if (unlink(aside) < 0)
		result = -errno;
	return result;
}

/* Bind and listen, not for other users; under a name of our own, if there is room for one. */
static int listen_bind_beside(const char *name, int type, int backlog, struct listener *made)
{
	struct sockaddr_un address;
	int result = listen_make_address(&address, name);
	struct stat file;
	mode_t mask;

	made->fd = result < 0 ? result : listen_new_socket(type);
	if (made->fd < 0)
		return made->fd;
	mask = umask(0077);
	result = bind(made->fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (result == 0)
		result = listen(made->fd, backlog);
	if (result == 0)
		result = lstat(name, &file);
	if (result < 0) {
		result = -errno;
		close(made->fd);
		made->fd = -1;
		return result;
	}
	made->device = file.st_dev;
	made->inode = file.st_ino;
	return 0;
}

int listen_open(struct listener *listener, const char *path, int type, int backlog)
{
	struct listener made = { .fd = -1, .spare = -1 };
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool beside = name_beside(path, "", name) == 0;
	int result = listen_clear_path(path, type);

	listener->fd = listener->spare = -1;
	if (result < 0)
		return result;
	result = listen_bind_beside(beside ? name : path, type, backlog, &made);
	if (result == 0 && beside)
		result = listen_name_file(name, path);
	if (result < 0) {
		if (beside)
			unlink(name);
		if (made.fd >= 0)
			close(made.fd);
		return result == -EEXIST ? -EADDRINUSE : result;
	}
	made.spare = fcntl(made.fd, F_DUPFD_CLOEXEC, 0);
	*listener = made;
	return 0;
}

static int listen_accept_now(const struct listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* With the spare descriptor, it is heard, and sees the end. */
static void listen_refuse(struct listener *listener)
{
	int fd;

	if (listener->spare >= 0)
		close(listener->spare);
	fd = listen_accept_now(listener);
	if (fd >= 0)
		close(fd);
	listener->spare = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
}

int listen_accept(struct listener *listener, const char *whose)
{
	int fd = listen_accept_now(listener);

	if (fd != -EMFILE && fd != -ENFILE)
		return fd;
	listen_refuse(listener);
	complain("%s is turned away: %s here; allow more: ulimit -n", whose,
		 fd == -EMFILE ? "too many open files" :
				 "too many open files on the machine");
	return fd;
}

void listen_close(struct listener *listener, const char *path)
{
	struct stat file;

	if (listener->fd < 0)
		return;
	if (lstat(path, &file) == 0 && file.st_dev == listener->device &&
	    file.st_ino == listener->inode)
		unlink(path);
	close(listener->fd);
	if (listener->spare >= 0)
		close(listener->spare);
	listener->fd = listener->spare = -1;
}
