/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A write to an eventfd waits while its counter is full, unless the open file says otherwise;
 * who shares the file can change that. The kernel's own signal of an eventfd never waits: a
 * counter that is full stays full. A process has it through asynchronous I/O: a request that
 * is complete signals the eventfd that it names. So an empty file is read.
 *
 * Source: io_submit(2), IOCB_FLAG_RESFD; eventfd(2).
 */
#include "base/event.h"

#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <time.h>

/* The kernel rounds a smaller queue of results up to a page, which has some more. */
#define RESULTS 128

void vn_event_sender_open(struct vn_event_sender *sender)
{
	aio_context_t context = 0;
	int file;

	if (sender->shared)
		return;
	*sender = (struct vn_event_sender){ .shared = true };
	file = memfd_create("vionet-event", MFD_CLOEXEC);
	if (file < 0)
		return;
	/* None in this kernel, or all of those that there may be are taken (fs.aio-max-nr). */
	if (syscall(SYS_io_setup, 1, &context) != 0) {
		close(file);
		return;
	}
	sender->context = context;
	sender->file = file;
}

void vn_event_sender_close(struct vn_event_sender *sender)
{
	if (sender->context != 0) {
		(void)syscall(SYS_io_destroy, sender->context);
		close(sender->file);
	}
	*sender = (struct vn_event_sender){ 0 };
}

/* Make room for further results. Another thread may have done so at the same time. */
static void event_drop_results(const struct vn_event_sender *sender)
{
	struct io_event results[RESULTS];
	struct timespec now = { 0 };

	(void)syscall(SYS_io_getevents, sender->context, 0L, (long)RESULTS, results, &now);
}

static bool event_submit(const struct vn_event_sender *sender, int fd)
{
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)sender->file,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *list = &request;

	return syscall(SYS_io_submit, sender->context, 1L, &list) == 1;
}

int vn_event_send(const struct vn_event_sender *sender, int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	const uint64_t one = 1;

	if (sender->context != 0) {
		if (event_submit(sender, fd))
			return 0;
		event_drop_results(sender);
		if (event_submit(sender, fd))
			return 0;
	}
	/* The best there is: what is full now has been signalled, and so has that at which a signal ends the wait. */
	if (sender->shared && poll(&room, 1, 0) != 1)
		return 0;
	return write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}
