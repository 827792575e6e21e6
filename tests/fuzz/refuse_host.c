/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that look for devices on this machine: files, programs, netlink. */
#include "tests/fuzz/refuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/world.h"

#define CHILD 4242

static unsigned int looks_at_child;

bool (*fuzz_transfer)(int fd, void *bytes, size_t size, off_t offset, bool writes, ssize_t *done);
void (*fuzz_written)(void);
bool (*fuzz_spawned)(const char *program);
unsigned short fuzz_netlink_answer;
ssize_t (*fuzz_datagram)(void *bytes, size_t size);

FUZZ_CALL(FUZZ_LOOK, int, access, -1, (const char *path, int mode), (path, mode))
FUZZ_CALL(FUZZ_LOOK, int, faccessat, -1, (int at, const char *path, int mode, int flags), (at, path, mode, flags))
FUZZ_CALL(FUZZ_LOOK, ssize_t, readlink, -1, (const char *path, char *target, size_t size), (path, target, size))
FUZZ_CALL(FUZZ_LOOK, ssize_t, readlinkat, -1, (int at, const char *path, char *target, size_t size), (at, path, target, size))
FUZZ_CALL(FUZZ_LOOK, char *, realpath, NULL, (const char *path, char *target), (path, target))
FUZZ_CALL(FUZZ_LOOK, int, scandir, -1,
	  (const char *path, struct dirent ***names, int (*filter)(const struct dirent *),
	   int (*order)(const struct dirent **, const struct dirent **)),
	  (path, names, filter, order))
FUZZ_CALL(FUZZ_LOOK, int, stat, -1, (const char *path, struct stat *status), (path, status))
FUZZ_CALL(FUZZ_LOOK, int, fstat, -1, (int fd, struct stat *status), (fd, status))
FUZZ_CALL(FUZZ_LOOK, int, fstatfs, -1, (int fd, struct statfs *system), (fd, system))
FUZZ_CALL(FUZZ_OTHER, int, ftruncate, -1, (int fd, off_t size), (fd, size))
FUZZ_CALL(FUZZ_OTHER, int, madvise, -1, (void *place, size_t size, int advice), (place, size, advice))
FUZZ_CALL(FUZZ_OTHER, int, flock, -1, (int fd, int operation), (fd, operation))
FUZZ_CALL(FUZZ_OPEN, FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
FUZZ_CALL(FUZZ_READ, ssize_t, read, -1, (int fd, void *bytes, size_t size), (fd, bytes, size))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	int mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
	va_end(arguments);
	return fuzz_refused(FUZZ_OPEN) ? -1 : fuzz_made(__real_open(path, flags, mode));
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	DIR *folder = fuzz_refused(FUZZ_LOOK) ? NULL : __real_opendir(path);

	fuzz_made(folder ? 0 : -1);
	return folder;
}

int __real_closedir(DIR *folder);
int __wrap_closedir(DIR *folder);
int __wrap_closedir(DIR *folder)
{
	fuzz_closed();
	return __real_closedir(folder);
}

/* ---- whose files ---- */

#define USER 4711

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	unsigned int which;

	return fuzz_refuse_is_user(&which) && !(which & 4) ? USER : __real_geteuid();
}

gid_t __real_getegid(void);
gid_t __wrap_getegid(void);
gid_t __wrap_getegid(void)
{
	unsigned int which;

	return fuzz_refuse_is_user(&which) && !(which & 1) ? USER : __real_getegid();
}

int __real_getgroups(int room, gid_t groups[]);
int __wrap_getgroups(int room, gid_t groups[]);
int __wrap_getgroups(int room, gid_t groups[])
{
	unsigned int which;

	if (!fuzz_refuse_is_user(&which))
		return __real_getgroups(room, groups);
	groups[0] = USER;
	groups[1] = which & 2 ? __real_getegid() : USER;
	return 2;
}

/* ---- registers ---- */

ssize_t __real_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset)
{
	ssize_t done;

	if (fuzz_refused(FUZZ_READ))
		return -1;
	if (fuzz_in_call() && fuzz_transfer && fuzz_transfer(fd, bytes, size, offset, false, &done))
		return done;
	return __real_pread(fd, bytes, size, offset);
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	ssize_t done;

	if (fuzz_refused(FUZZ_WRITE))
		return -1;
	if (fuzz_in_call() && fuzz_transfer && fuzz_transfer(fd, (void *)(uintptr_t)bytes, size, offset, true, &done))
		return done;
	return __real_pwrite(fd, bytes, size, offset);
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (fuzz_refused(FUZZ_WRITE))
		return -1;
	if (fuzz_in_call() && fuzz_written)
		fuzz_written();
	return __real_write(fd, bytes, size);
}

/* ---- time, programs ---- */

int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	fuzz_pass((uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec);
	return 0;
}

int __wrap_posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		       char *const arguments[], char *const environment[]);
int __wrap_posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		       char *const arguments[], char *const environment[])
{
	(void)actions, (void)attributes, (void)arguments, (void)environment;
	if (fuzz_refused(FUZZ_OTHER) || !fuzz_spawned || !fuzz_spawned(program))
		return ENOENT;
	*pid = CHILD;
	looks_at_child = fuzz_take8();
	return 0;
}

/* It ends after some looks, or when it is killed. */
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	FUZZ_CHECK(pid == CHILD);
	if (status)
		*status = 0;
	if (options & WNOHANG && looks_at_child != 0) {
		looks_at_child -= looks_at_child != 255; /* for ever */
		return 0;
	}
	return pid;
}

int __wrap_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number)
{
	(void)number;
	FUZZ_CHECK(pid == CHILD);
	return 0;
}

/* ---- netlink ---- */

int __real_eventfd(unsigned int value, int flags);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	(void)protocol;
	FUZZ_CHECK(domain == AF_NETLINK || domain == AF_UNIX);
	FUZZ_CHECK(type & SOCK_CLOEXEC);
	return fuzz_refused(FUZZ_OTHER) ? -1 : fuzz_made(__real_eventfd(0, EFD_CLOEXEC));
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	(void)fd, (void)level, (void)name, (void)value, (void)size;
	return fuzz_refused(FUZZ_OTHER) ? -1 : 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	(void)fd, (void)size;
	if (fuzz_refused(FUZZ_OTHER))
		return -1;
	errno = ECONNREFUSED;
	return address->sa_family == AF_NETLINK ? 0 : -1;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	(void)fd, (void)flags;
	/* RTM_GET... stand two behind RTM_NEW... */
	if (size >= NLMSG_HDRLEN)
		fuzz_netlink_answer = (unsigned short)(((const struct nlmsghdr *)bytes)->nlmsg_type - 2);
	return fuzz_refused(FUZZ_OTHER) ? -1 : (ssize_t)size;
}

#define WRAPPED(name) __wrap_##name

ssize_t WRAPPED(recv)(int fd, void *bytes, size_t size, int flags);
ssize_t WRAPPED(recv)(int fd, void *bytes, size_t size, int flags)
{
	(void)fd, (void)flags;
	fuzz_pass(1000);
	if (fuzz_refused(FUZZ_OTHER))
		return -1;
	return fuzz_datagram ? fuzz_datagram(bytes, size) : 0;
}
