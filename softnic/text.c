/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *text_clean(char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return text;
}

void complain(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	fprintf(stderr, "vionet-softnic: %s\n",
		text != NULL ? text_clean(text) : "no memory");
	free(text);
}

FILE *open_output(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY |
				    O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (fd >= 0 && file == NULL) {
		int error = errno;

		close(fd);
		errno = error;
	}
	return file;
}

const char *output_error(int error)
{
	return error == ENXIO ? "no process reads this FIFO; start the reader first" :
				strerror(error);
}
