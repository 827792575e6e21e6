/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "tests/fail_nth/calls.h"
#include "tests/fail_nth/inject.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

nth_transfer *nth_registers;
nth_ioctl_fn *nth_ioctl_of;
void (*nth_closed)(void);

#define SHIM(name) nth_##name
#define FAILS(name, ...) nth_fails(#name, (const int[]){ __VA_ARGS__, 0 })

#define CALL(type, name, parameters, arguments, failed, ...)               \
	type nth_##name parameters                                         \
	{                                                                  \
		return FAILS(name, __VA_ARGS__) ? failed : name arguments; \
	}
#define ALLOCATION(type, name, parameters, arguments, failed, ...)                   \
	type nth_##name parameters                                                   \
	{                                                                            \
		return FAILS(name, __VA_ARGS__) ? failed : nth_note(name arguments); \
	}
#define OWN(name)
#include "tests/fail_nth/calls.def"

/* ---- memory ---- */

void *nth_reallocarray(void *old, size_t count, size_t size)
{
	if (FAILS(reallocarray, ENOMEM))
		return NULL;
	nth_forget(old);
	return nth_note(reallocarray(old, count, size));
}

void nth_free(void *memory)
{
	nth_forget(memory);
	free(memory);
}

/* Of a whole mapping it does not fail; it might where the kernel would have to split one. */
int nth_munmap(void *at, size_t size)
{
	return munmap(at, size);
}

/* ---- descriptors ---- */

int nth_open(const char *path, int flags, ...)
{
	unsigned int mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, unsigned int);
	va_end(arguments);
	return FAILS(open, EMFILE, ENOENT, EACCES, EBUSY) ? -1 : open(path, flags, mode);
}

/* Linux has closed it, whatever close says. */
int nth_close(int fd)
{
	int failed = FAILS(close, EINTR, EIO), code = errno;
	bool written = nth_closed && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;

	if (close(fd) != 0)
		return -1;
	if (written)
		nth_closed();
	errno = code;
	return failed ? -1 : 0;
}

int nth_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (FAILS(ioctl, ENOMEM, EINTR, EIO, EBUSY, ENODEV))
		return -1;
	return nth_ioctl_of ? nth_ioctl_of(fd, request, argument) : ioctl(fd, request, argument);
}

/* To take one out needs nothing. */
int nth_epoll_ctl(int fd, int operation, int which, struct epoll_event *event)
{
	if (operation != EPOLL_CTL_DEL && FAILS(epoll_ctl, ENOMEM, ENOSPC))
		return -1;
	return epoll_ctl(fd, operation, which, event);
}

int nth_fcntl(int fd, int command, ...)
{
	bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
	bool seals = command == F_ADD_SEALS;
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	if ((duplicates && FAILS(fcntl, EMFILE)) || (seals && FAILS(fcntl, EINVAL)))
		return -1;
	return fcntl(fd, command, argument);
}

/* Asynchronous I/O, and what not every C library has. To end a context needs nothing. */
long nth_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	return number != SYS_io_destroy && FAILS(syscall, EAGAIN, ENOMEM) ? -1 : syscall(number, a, b, c, d, e, f);
}

/* ---- transfers ---- */

static ssize_t transfer(int failed, int fd, void *bytes, size_t size, off_t offset, bool writes)
{
	ssize_t done;

	if (failed == SHORT)
		return 0;
	if (failed != 0)
		return -1;
	if (nth_registers && nth_registers(fd, bytes, size, offset, writes, &done))
		return done;
	return writes ? pwrite(fd, bytes, size, offset) : pread(fd, bytes, size, offset);
}

ssize_t nth_pread(int fd, void *bytes, size_t size, off_t offset)
{
	return transfer(FAILS(pread, EIO, EINTR, SHORT, ENODEV), fd, bytes, size, offset, false);
}

ssize_t nth_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return transfer(FAILS(pwrite, EIO, EINTR, SHORT, ENODEV), fd, (void *)(uintptr_t)bytes, size, offset, true);
}

ssize_t nth_send(int fd, const void *bytes, size_t size, int flags)
{
	int failed = FAILS(send, EPIPE, EAGAIN, EINTR, SHORT);

	return failed > 0 ? -1 : send(fd, bytes, failed == SHORT && size > 1 ? 1 : size, flags);
}

ssize_t SHIM(recv)(int fd, void *bytes, size_t size, int flags)
{
	int failed = FAILS(recv, ECONNRESET, EAGAIN, EINTR, ENOMEM, SHORT);

	return failed > 0 ? -1 : recv(fd, bytes, failed == SHORT && size > 1 ? 1 : size, flags);
}

/* The first byte of a message, which takes its descriptors along. */
static struct msghdr first_byte(const struct msghdr *message, struct iovec *byte)
{
	struct msghdr cut = *message;

	for (size_t i = 0; i < cut.msg_iovlen; i++)
		if (cut.msg_iov[i].iov_len != 0) {
			*byte = (struct iovec){ cut.msg_iov[i].iov_base, 1 };
			cut.msg_iov = byte;
			cut.msg_iovlen = 1;
			break;
		}
	return cut;
}

ssize_t nth_sendmsg(int fd, const struct msghdr *message, int flags)
{
	int failed = FAILS(sendmsg, EPIPE, EAGAIN, EINTR, ETOOMANYREFS, ENOBUFS, SHORT);
	struct msghdr cut;
	struct iovec byte;

	if (failed > 0)
		return -1;
	if (failed == 0)
		return sendmsg(fd, message, flags);
	cut = first_byte(message, &byte);
	return sendmsg(fd, &cut, flags);
}

ssize_t nth_recvmsg(int fd, struct msghdr *message, int flags)
{
	int failed = FAILS(recvmsg, ECONNRESET, EAGAIN, EINTR, ENOMEM, SHORT);
	struct msghdr cut;
	struct iovec byte;
	ssize_t result;

	if (failed > 0)
		return -1;
	if (failed == 0)
		return recvmsg(fd, message, flags);
	cut = first_byte(message, &byte);
	result = recvmsg(fd, &cut, flags);
	message->msg_controllen = cut.msg_controllen;
	message->msg_flags = cut.msg_flags;
	return result;
}

/* ---- streams, and what allocates in the C library ---- */

static FILE *failed_stream;

char *nth_fgets(char *line, int size, FILE *file)
{
	bool failed = FAILS(fgets, EIO, ENOMEM);

	failed_stream = failed ? file : NULL;
	return failed ? NULL : fgets(line, size, file);
}

int nth_ferror(FILE *file)
{
	return file == failed_stream || ferror(file);
}

int nth_feof(FILE *file)
{
	return file != failed_stream && feof(file);
}

ssize_t nth___getdelim(char **line, size_t *size, int end, FILE *file)
{
	char *old = *line;
	bool failed = FAILS(getline, ENOMEM);
	ssize_t result = failed ? -1 : getdelim(line, size, end, file);

	failed_stream = failed ? file : NULL;
	if (*line != old) {
		nth_forget(old);
		nth_note(*line);
	}
	return result;
}

int nth_scandir(const char *path, struct dirent ***entries, int (*filter)(const struct dirent *),
		int (*compare)(const struct dirent **, const struct dirent **))
{
	int count = FAILS(scandir, ENOMEM, EMFILE, ENOENT) ? -1 : scandir(path, entries, filter, compare);

	for (int i = 0; i < count; i++)
		nth_note((*entries)[i]);
	if (count >= 0)
		nth_note(*entries);
	return count;
}

char *nth_realpath(const char *path, char *place)
{
	char *found = FAILS(realpath, ENOENT, ENOMEM) ? NULL : realpath(path, place);

	return place ? found : nth_note(found);
}

json_t *nth_json_loads(const char *text, size_t flags, json_error_t *error)
{
	if (!FAILS(json_loads, ENOMEM))
		return json_loads(text, flags, error);
	/* Where json_error_code() looks. */
	error->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
	return NULL;
}
