/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>

#include <vionet/error.h>

#include "base/log.h"

#define TEXT_MAX 1536

static struct {
	vionet_log_fn *function;
	void *context;
	enum vionet_log_level level;
} log_listener;

void vionet_log_set(vionet_log_fn *function, void *context,
		    enum vionet_log_level level)
{
	log_listener.function = function;
	log_listener.context = context;
	log_listener.level = level;
}

bool vn_log_wants(enum vionet_log_level level)
{
	return log_listener.function && level <= log_listener.level;
}

void vn_log(enum vionet_log_level level, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	if (!vn_log_wants(level))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Names and texts of the other side may be in it; it may have been cut. */
	log_listener.function(log_listener.context, level, vionet_text_clean(text));
}
