/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* A trace, a report, and two of a peer. */
#define FILES_MAX 4

bool keep_file(int fd)
{
	static struct stat kept[FILES_MAX];
	static unsigned int count;
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return true;
	for (unsigned int i = 0; i < count; i++)
		if (kept[i].st_dev == status.st_dev && kept[i].st_ino == status.st_ino)
			return false;
	if (count < FILES_MAX)
		kept[count++] = status;
	return true;
}

/* It is emptied when it is known to be nobody's. */
static FILE *text_open(int fd)
{
	struct stat status;

	if (!keep_file(fd)) {
		errno = EBUSY;
		return NULL;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ftruncate(fd, 0) != 0)
		return NULL;
	return fdopen(fd, "w");
}

FILE *open_output(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : text_open(fd);

	if (fd >= 0 && file == NULL) {
		int error = errno;

		close(fd);
		errno = error;
	}
	return file;
}

const char *output_error(int error)
{
	if (error == ENXIO)
		return "no process reads this FIFO; start the reader first";
	if (error == EBUSY)
		return "it is read or written here already; name another file";
	return strerror(error);
}
