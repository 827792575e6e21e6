/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <vionet/error.h>

#include "base/error.h"

/* More than any device needs. */
#define DESCRIPTORS 4096u

static _Thread_local char text[VIONET_ERROR_TEXT_MAX];

/* Of that text. */
static _Thread_local struct {
	enum vionet_remedy code;
	char address[VIONET_PCI_ADDRESS_MAX];
} remedy;

const char *vionet_error_text(void)
{
	return text;
}

enum vionet_remedy vionet_error_remedy(const char **address)
{
	if (address)
		*address = remedy.address;
	return remedy.code;
}

int vn_error_remedy(int result, enum vionet_remedy code, const char *address)
{
	remedy.code = code;
	snprintf(remedy.address, sizeof(remedy.address), "%s", address ? address : "");
	return result;
}

int vn_error(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	vionet_text_clean(text);
	return vn_error_remedy(-code, VIONET_REMEDY_NONE, NULL);
}

int vn_error_none(int code)
{
	text[0] = '\0';
	return vn_error_remedy(-code, VIONET_REMEDY_NONE, NULL);
}

const char *vn_errno_text(int code)
{
#ifdef __GLIBC__ /* whose strerror() writes to memory that threads share */
	const char *meaning = strerrordesc_np(code);
#else
	const char *meaning = strerror(code);
#endif

	return meaning ? meaning : "unknown error";
}

/* What to do about a shortage of descriptors. */
static void error_add_limit(int code)
{
	size_t used = strlen(text);
	struct rlimit limit;

	if (code == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		snprintf(text + used, sizeof(text) - used, " (this process may have "
			 "%llu); raise the limit: ulimit -n %u",
			 (unsigned long long)limit.rlim_cur,
			 limit.rlim_cur < DESCRIPTORS ? DESCRIPTORS :
							16 * DESCRIPTORS);
	else if (code == ENFILE)
		snprintf(text + used, sizeof(text) - used, "; raise the limit: sysctl "
			 "fs.file-max");
}

bool vn_error_is_shortage(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOMEM ||
	       code == ENOBUFS || code == ETOOMANYREFS;
}

int vn_error_local(int code, const char *what)
{
	int result = vn_error_errno(code, "%s", what);

	return vn_error_is_shortage(code) ? result : -EIO;
}

int vn_error_errno(int code, const char *format, ...)
{
	va_list arguments;
	size_t used;

	if (code == ETOOMANYREFS)
		code = EMFILE;
	else if (code == ENOBUFS)
		code = ENOMEM;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, ": %s", vn_errno_text(code));
	error_add_limit(code);
	vionet_text_clean(text);
	return vn_error_remedy(-code, VIONET_REMEDY_NONE, NULL);
}

/* The layers below may have named the same object ("0000:00:04.0: ") already;
 * once is enough. `object` is cut to the object and its colon. */
static void error_drop_object(char *from, char *object)
{
	char *end = strstr(object, ": ");
	size_t length;

	if (end)
		*end = 0;
	strcat(object, ": ");
	length = strlen(object);
	while ((from = strstr(from, object)) != NULL)
		memmove(from, from + length, strlen(from + length) + 1);
}

int vn_error_prefix(int result, const char *format, ...)
{
	char old[VIONET_ERROR_TEXT_MAX], prefix[256], object[260];
	va_list arguments;
	size_t used;

	memcpy(old, text, sizeof(old));
	va_start(arguments, format);
	vsnprintf(prefix, sizeof(prefix), format, arguments);
	va_end(arguments);
	vionet_text_clean(prefix);
	strcpy(object, prefix);
	error_drop_object(old, object);
	used = strlen(prefix);
	memcpy(text, prefix, used + 1);
	snprintf(text + used, sizeof(text) - used, ": %s", old);
	/* It may have been cut inside a character. */
	vionet_text_clean(text);
	return result;
}

void vn_error_keep(struct vn_error_kept *kept)
{
	memcpy(kept->text, text, sizeof(text));
	kept->remedy = remedy.code;
	memcpy(kept->address, remedy.address, sizeof(kept->address));
}

int vn_error_restore(int result, const struct vn_error_kept *kept)
{
	memcpy(text, kept->text, sizeof(text));
	return vn_error_remedy(result, kept->remedy, kept->address);
}
