/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/world.h"

static struct {
	unsigned int kinds, after, begin;
	int code;
	bool stays; /* and the later ones */
	int descriptors;
} refuse;

void *(*fuzz_mapped)(size_t size, off_t offset);

void fuzz_refuse_none(void)
{
	memset(&refuse, 0, sizeof(refuse));
}

void fuzz_refuse(unsigned int kinds, unsigned int after)
{
	static const int codes[] = { EIO, EACCES, ENOENT, EBUSY, EINTR, ENODEV, EPERM, EMFILE, EINVAL, ENOMEM, ENXIO, EAGAIN };

	refuse.kinds = kinds;
	refuse.after = after + 1;
	refuse.begin = after;
	refuse.code = codes[fuzz_take8() % (sizeof(codes) / sizeof(codes[0]))];
}

void fuzz_refuse_some(void)
{
	unsigned int kinds = fuzz_take8(), after = fuzz_take8();

	fuzz_refuse(kinds, kinds & 0x80 ? 4 * after : after % 64);
	/* Not those after which a caller begins anew. */
	refuse.stays = (kinds & 0x80) == 0 && after & 0x40 && refuse.code != EINTR && refuse.code != EAGAIN;
}

int fuzz_descriptors(void)
{
	return refuse.descriptors;
}

void fuzz_descriptor_made(void)
{
	refuse.descriptors++;
}

bool fuzz_refuse_is_user(unsigned int *which)
{
	*which = refuse.begin;
	return refuse.kinds & FUZZ_OPEN && refuse.code == EACCES && fuzz_in_call();
}

bool fuzz_refused(enum fuzz_kind kind)
{
	if (!(refuse.kinds & kind) || !fuzz_in_call() || refuse.after == 0 || --refuse.after != 0)
		return false;
	refuse.after = refuse.stays;
	errno = kind == FUZZ_MEMORY ? ENOMEM : refuse.code;
	return true;
}

void fuzz_closed(void)
{
	refuse.descriptors -= fuzz_in_call();
}

int fuzz_made(int fd)
{
	refuse.descriptors += fd >= 0 && fuzz_in_call();
	return fd;
}

FUZZ_CALL(FUZZ_MEMORY, void *, malloc, NULL, (size_t size), (size))
FUZZ_CALL(FUZZ_MEMORY, void *, calloc, NULL, (size_t count, size_t size), (count, size))
FUZZ_CALL(FUZZ_MEMORY, void *, realloc, NULL, (void *old, size_t size), (old, size))
FUZZ_CALL(FUZZ_MEMORY, void *, reallocarray, NULL, (void *old, size_t count, size_t size), (old, count, size))
FUZZ_CALL(FUZZ_OTHER, int, epoll_ctl, -1, (int fd, int operation, int other, struct epoll_event *event), (fd, operation, other, event))

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
	if (fuzz_refused(FUZZ_OTHER))
		return -1;
	result = __real_fcntl(fd, command, argument);
	return command == F_DUPFD_CLOEXEC ? fuzz_made(result) : result;
}

int __real_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags)
{
	return fuzz_refused(FUZZ_OTHER) ? -1 : fuzz_made(__real_eventfd(value, flags));
}

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return fuzz_refused(FUZZ_OTHER) ? -1 : fuzz_made(__real_memfd_create(name, flags));
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
	return fuzz_refused(FUZZ_OTHER) ? -1 : fuzz_made(__real_epoll_create1(flags));
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	fuzz_closed();
	return __real_close(fd);
}

void *__real_mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fuzz_refused(FUZZ_MAP))
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
