/* SPDX-License-Identifier: BSD-3-Clause */
/* The pcap file of `vionet dump`. */
#include "tools/dump/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/shared/common.h"

#define PCAP_HEADER_SIZE 24
#define PCAP_RECORD_SIZE 16

static const char *capture_open_error(int error)
{
	switch (error) {
	case ENXIO:
		return "no process reads this FIFO; start the reader first";
	case EACCES:
		return "no permission to write it; see the owner and mode of it and its "
		       "folder with ls -ld";
	default:
		return strerror(error);
	}
}

/* A FIFO without a reader says so, instead of waiting for one. Later writes wait, as those
 * to standard output do. */
static int capture_open_path(const char *path, FILE **file)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
	int error;

	*file = NULL;
	if (fd >= 0 && fcntl(fd, F_SETFL, 0) == 0)
		*file = fdopen(fd, "w");
	if (*file != NULL)
		return CODE_OK;
	error = errno;
	if (fd >= 0)
		close(fd);
	say("-w %s: %s", path, capture_open_error(error));
	return error == EACCES ? CODE_PERMISSION : CODE_FAILED;
}

static int capture_open_file(struct capture *capture)
{
	FILE *file = stdout;
	int code = CODE_OK;

	if (capture->path == NULL)
		return CODE_OK;
	if (strcmp(capture->path, "-") == 0 && isatty(STDOUT_FILENO)) {
		say("-w -: not to a terminal; redirect standard output");
		return CODE_USAGE;
	}
	if (strcmp(capture->path, "-") != 0)
		code = capture_open_path(capture->path, &file);
	if (code != CODE_OK)
		return code;
	capture->dumper = pcap_dump_fopen(capture->handle, file);
	if (capture->dumper == NULL) {
		say("-w %s: %s", capture->path, pcap_geterr(capture->handle));
		fclose(file);
		return CODE_FAILED;
	}
	return capture_flush(capture);
}

int capture_open(struct capture *capture, const char *filter, const char *path,
		 uint32_t snaplen)
{
	int code;

	*capture = (struct capture){ .path = path };
	capture->handle = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, (int)snaplen, PCAP_TSTAMP_PRECISION_NANO);
	if (capture->handle == NULL) {
		say("no memory for the capture");
		return CODE_PERMISSION;
	}
	code = frame_filter_compile(&capture->filter, "filter", filter);
	if (code == CODE_OK)
		code = capture_open_file(capture);
	if (code != CODE_OK)
		capture_close(capture);
	return code;
}

void capture_write(struct capture *capture, const struct timespec *time,
		   const uint8_t *frame, uint32_t kept, uint32_t total)
{
	struct pcap_pkthdr header = { .caplen = kept, .len = total };

	if (capture->dumper == NULL)
		return;
	/* With nanosecond precision tv_usec holds nanoseconds: libpcap's way. */
	header.ts.tv_sec = time->tv_sec;
	header.ts.tv_usec = time->tv_nsec;
	pcap_dump((u_char *)capture->dumper, &header, frame);
	/* libpcap keeps the failure to itself, and a later flush may succeed. */
	if (capture->error == 0 && ferror(pcap_dump_file(capture->dumper)))
		capture->error = errno;
}

/* Where the last whole record ends in a file of `size` bytes. */
static int64_t capture_last_whole(int fd, int64_t whole, int64_t size)
{
	uint32_t record[4];

	if (whole == 0 && size >= PCAP_HEADER_SIZE)
		whole = PCAP_HEADER_SIZE;
	while (pread(fd, record, sizeof(record), whole) == (ssize_t)sizeof(record) &&
	       whole + PCAP_RECORD_SIZE + record[2] <= size)
		whole += PCAP_RECORD_SIZE + (int64_t)record[2];
	return whole;
}

/*
 * A full disk takes part of a record: cut it off, so that readers find a valid
 * file. stdio still holds what did not fit and would append it at close; it is
 * given a stream into nowhere instead.
 */
static void capture_repair(struct capture *capture)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int file = fileno(pcap_dump_file(capture->dumper));
	struct stat status;
	int fd = -1;

	if (strcmp(capture->path, "-") != 0)
		fd = open(capture->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (nowhere >= 0) {
		dup2(nowhere, file);
		close(nowhere);
	}
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    ftruncate(fd, capture_last_whole(fd, capture->whole, status.st_size)) != 0)
		say("-w %s: the end of the file could not be repaired", capture->path);
	close(fd);
}

int capture_flush(struct capture *capture)
{
	FILE *file;
	int result;

	if (capture->dumper == NULL)
		return CODE_OK;
	file = pcap_dump_file(capture->dumper);
	errno = 0;
	output_begin();
	result = pcap_dump_flush(capture->dumper);
	output_end();
	if (result == 0 && !ferror(file)) {
		capture->whole = ftell(file);
		if (capture->whole < 0)
			capture->whole = 0; /* a pipe: it cannot be cut anyway */
		return CODE_OK;
	}
	if (capture->error == 0)
		capture->error = errno;
	say("-w %s: %s; what was written before stays valid", capture->path,
	    capture->error != 0 ? output_failure(capture->error) : "a write failed");
	capture_repair(capture);
	pcap_dump_close(capture->dumper);
	capture->dumper = NULL;
	return CODE_FAILED;
}

int capture_close(struct capture *capture)
{
	int code = capture_flush(capture);

	if (capture->dumper != NULL)
		pcap_dump_close(capture->dumper);
	frame_filter_free(&capture->filter);
	if (capture->handle != NULL)
		pcap_close(capture->handle);
	*capture = (struct capture){ 0 };
	return code;
}
