/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vionet/error.h>

#include "base/error.h"

static _Thread_local char text[VIONET_ERROR_TEXT_MAX];

const char *vionet_error_text(void)
{
	return text;
}

int vn_error(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return -code;
}

int vn_error_errno(int code, const char *format, ...)
{
	char meaning[128];
	va_list arguments;
	size_t used;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	used = strlen(text);
	/* The GNU strerror_r may answer with a static string instead. */
	snprintf(text + used, sizeof(text) - used, ": %s",
		 strerror_r(code, meaning, sizeof(meaning)));
	return -code;
}

int vn_error_prefix(int result, const char *format, ...)
{
	char old[VIONET_ERROR_TEXT_MAX];
	va_list arguments;
	size_t used;

	memcpy(old, text, sizeof(old));
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, ": %s", old);
	return result;
}
