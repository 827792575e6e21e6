/* SPDX-License-Identifier: BSD-3-Clause */
/* What serving a request has in common: refusing it, replies, descriptors. */
#include <stdarg.h>
#include <string.h>

#include "softnic/text.h"
#include "softnic/vhost_user/internal.h"

#define LINES_MAX 16u

int vhost_refuse(struct device *device, const struct vhost_call *call, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	device->protocol_errors++;
	trace(device, "REFUSED %s: %s", call->name, text);
	if (device->protocol_errors <= LINES_MAX)
		complain("the front end: %s: %s", call->name, text);
	return -1;
}

int vhost_reply_number(struct vhost_call *call, uint64_t value)
{
	memcpy(call->reply, &value, sizeof(value));
	call->reply_size = sizeof(value);
	return 0;
}

int vhost_take_fd(struct vhost_call *call)
{
	int fd;

	if (call->fd_count != 1)
		return -1;
	fd = call->fds[0];
	call->fds[0] = -1;
	return fd;
}
