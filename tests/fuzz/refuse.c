/* SPDX-License-Identifier: BSD-3-Clause */
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
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/world.h"

#define CHILD 4242

static struct {
	unsigned int kinds, after;
	int code;
	int descriptors;
	unsigned int looks_at_child;
} refuse;

bool (*fuzz_transfer)(int fd, void *bytes, size_t size, off_t offset, bool writes, ssize_t *done);
void (*fuzz_written)(void);
void *(*fuzz_mapped)(size_t size, off_t offset);
bool (*fuzz_spawned)(const char *program);
unsigned short fuzz_netlink_answer;
ssize_t (*fuzz_datagram)(void *bytes, size_t size);

void fuzz_refuse_none(void)
{
	memset(&refuse, 0, sizeof(refuse));
}

void fuzz_refuse(unsigned int kinds, unsigned int after)
{
	static const int codes[] = { EIO, EACCES, ENOENT, EBUSY, EINTR, ENODEV, EPERM, EMFILE, EINVAL, ENOMEM, ENXIO, EAGAIN };

	refuse.kinds = kinds;
	refuse.after = after + 1;
	refuse.code = codes[fuzz_take8() % (sizeof(codes) / sizeof(codes[0]))];
}

void fuzz_refuse_some(void)
{
	unsigned int kinds = fuzz_take8(), after = fuzz_take8();

	fuzz_refuse(kinds, kinds & 0x80 ? 4 * after : after % 64);
}

int fuzz_descriptors(void)
{
	return refuse.descriptors;
}

void fuzz_descriptor_made(void)
{
	refuse.descriptors++;
}

static bool refused(unsigned int kind)
{
	if (!(refuse.kinds & kind) || !fuzz_in_call() || refuse.after == 0 || --refuse.after != 0)
		return false;
	errno = kind == FUZZ_MEMORY ? ENOMEM : refuse.code;
	return true;
}

static int made(int fd)
{
	refuse.descriptors += fd >= 0 && fuzz_in_call();
	return fd;
}

/* The call, with a failure that the input may choose. */
#define CALL(kind, type, name, failure, parameters, arguments)              \
	type __real_##name parameters;                                      \
	type __wrap_##name parameters;                                      \
	type __wrap_##name parameters                                       \
	{                                                                   \
		return refused(kind) ? (failure) : __real_##name arguments; \
	}

CALL(FUZZ_MEMORY, void *, malloc, NULL, (size_t size), (size))
CALL(FUZZ_MEMORY, void *, calloc, NULL, (size_t count, size_t size), (count, size))
CALL(FUZZ_MEMORY, void *, realloc, NULL, (void *old, size_t size), (old, size))
CALL(FUZZ_MEMORY, void *, reallocarray, NULL, (void *old, size_t count, size_t size), (old, count, size))
CALL(FUZZ_LOOK, int, access, -1, (const char *path, int mode), (path, mode))
CALL(FUZZ_LOOK, int, faccessat, -1, (int at, const char *path, int mode, int flags), (at, path, mode, flags))
CALL(FUZZ_LOOK, ssize_t, readlink, -1, (const char *path, char *target, size_t size), (path, target, size))
CALL(FUZZ_LOOK, ssize_t, readlinkat, -1, (int at, const char *path, char *target, size_t size), (at, path, target, size))
CALL(FUZZ_LOOK, char *, realpath, NULL, (const char *path, char *target), (path, target))
CALL(FUZZ_LOOK, int, scandir, -1,
     (const char *path, struct dirent ***names, int (*filter)(const struct dirent *),
      int (*order)(const struct dirent **, const struct dirent **)),
     (path, names, filter, order))
CALL(FUZZ_OPEN, FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
CALL(FUZZ_OTHER, int, epoll_ctl, -1, (int fd, int operation, int other, struct epoll_event *event), (fd, operation, other, event))
CALL(FUZZ_READ, ssize_t, read, -1, (int fd, void *bytes, size_t size), (fd, bytes, size))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	int mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
	va_end(arguments);
	return refused(FUZZ_OPEN) ? -1 : made(__real_open(path, flags, mode));
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list arguments;
	long argument;
	int result;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	if (refused(FUZZ_OTHER))
		return -1;
	result = __real_fcntl(fd, command, argument);
	return command == F_DUPFD_CLOEXEC ? made(result) : result;
}

int __real_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags)
{
	return refused(FUZZ_OTHER) ? -1 : made(__real_eventfd(value, flags));
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	DIR *folder = refused(FUZZ_LOOK) ? NULL : __real_opendir(path);

	refuse.descriptors += folder && fuzz_in_call();
	return folder;
}

int __real_closedir(DIR *folder);
int __wrap_closedir(DIR *folder);
int __wrap_closedir(DIR *folder)
{
	refuse.descriptors -= fuzz_in_call();
	return __real_closedir(folder);
}

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return refused(FUZZ_OTHER) ? -1 : made(__real_memfd_create(name, flags));
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
	return refused(FUZZ_OTHER) ? -1 : made(__real_epoll_create1(flags));
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	refuse.descriptors -= fuzz_in_call();
	return __real_close(fd);
}

/* ---- registers ---- */

ssize_t __real_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset)
{
	ssize_t done;

	if (refused(FUZZ_READ))
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

	if (refused(FUZZ_WRITE))
		return -1;
	if (fuzz_in_call() && fuzz_transfer && fuzz_transfer(fd, (void *)(uintptr_t)bytes, size, offset, true, &done))
		return done;
	return __real_pwrite(fd, bytes, size, offset);
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (refused(FUZZ_WRITE))
		return -1;
	if (fuzz_in_call() && fuzz_written)
		fuzz_written();
	return __real_write(fd, bytes, size);
}

void *__real_mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (refused(FUZZ_MAP))
		return MAP_FAILED;
	if (fuzz_in_call() && fuzz_mapped && fd >= 0)
		return fuzz_mapped(size, offset);
	return __real_mmap(place, size, protection, flags, fd, offset);
}

int __real_munmap(void *place, size_t size);
int __wrap_munmap(void *place, size_t size);
int __wrap_munmap(void *place, size_t size)
{
	return fuzz_in_call() && fuzz_mapped ? 0 : __real_munmap(place, size);
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
	if (refused(FUZZ_OTHER) || !fuzz_spawned || !fuzz_spawned(program))
		return ENOENT;
	*pid = CHILD;
	refuse.looks_at_child = fuzz_take8();
	return 0;
}

/* It ends after some looks, or when it is killed. */
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	FUZZ_CHECK(pid == CHILD);
	if (status)
		*status = 0;
	if (options & WNOHANG && refuse.looks_at_child != 0) {
		refuse.looks_at_child -= refuse.looks_at_child != 255; /* for ever */
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

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	(void)protocol;
	FUZZ_CHECK(domain == AF_NETLINK || domain == AF_UNIX);
	FUZZ_CHECK(type & SOCK_CLOEXEC);
	return refused(FUZZ_OTHER) ? -1 : made(__real_eventfd(0, EFD_CLOEXEC));
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	(void)fd, (void)level, (void)name, (void)value, (void)size;
	return refused(FUZZ_OTHER) ? -1 : 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	(void)fd, (void)size;
	if (refused(FUZZ_OTHER))
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
	return refused(FUZZ_OTHER) ? -1 : (ssize_t)size;
}

#define WRAPPED(name) __wrap_##name

ssize_t WRAPPED(recv)(int fd, void *bytes, size_t size, int flags);
ssize_t WRAPPED(recv)(int fd, void *bytes, size_t size, int flags)
{
	(void)fd, (void)flags;
	fuzz_pass(1000);
	if (refused(FUZZ_OTHER))
		return -1;
	return fuzz_datagram ? fuzz_datagram(bytes, size) : 0;
}
