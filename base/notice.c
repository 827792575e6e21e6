/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/notice.h"

static _Thread_local struct {
	vn_notice_fn *function;
	void *context;
} notice_listener;

void vn_notice_to(vn_notice_fn *function, void *context)
{
	notice_listener.function = function;
	notice_listener.context = context;
}

void vn_notice(const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (!notice_listener.function)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	notice_listener.function(notice_listener.context, text);
}
