/* SPDX-License-Identifier: BSD-3-Clause */
/* What a proof is not about: texts, and what the kernel says. */
#include <time.h>

#include "any.h"

#include "base/error.h"
#include "base/event.h"
#include "base/received.h"

static int stub_text(char *to, size_t size)
{
	if (size == 0)
		return 0;
	Frama_C_make_unknown(to, size - 1);
	to[size - 1] = '\0';
	return any_bool() ? (int)size - 1 : 0;
}

int proof_text(char *to, size_t size, const char *format, ...)
{
	return stub_text(to, size);
}

int proof_text_of(char *to, size_t size, const char *format, __builtin_va_list arguments)
{
	return stub_text(to, size);
}

int vn_event_send(const struct vn_event_sender *sender, int fd)
{
	return -(int)any(0, 133);
}

bool vn_received_memory(int fd, int *seals)
{
	*seals = any_bool() ? -1 : (int)any(0, INT32_MAX);
	return any_bool();
}

mode_t vn_received_type(int fd)
{
	return any(0, UINT32_MAX);
}

void vn_received_close(int fd)
{
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	now->tv_sec = (time_t)any(0, 1u << 30);
	now->tv_nsec = (long)any(0, 999999999);
	return 0;
}

int vn_error(int code, const char *format, ...)
{
	return -code;
}

int vn_error_errno(int code, const char *format, ...)
{
	return -(int)any(1, 133);
}

int vn_error_prefix(int result, const char *format, ...)
{
	return result;
}

int vn_error_remedy(int result, enum vionet_remedy remedy, const char *address)
{
	return result;
}

void vn_error_keep(struct vn_error_kept *kept)
{
}

int vn_error_restore(int result, const struct vn_error_kept *kept)
{
	return result;
}
