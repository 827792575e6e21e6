/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files as peer: what is received comes from one (once, as fast as the driver takes it),
 * what is sent goes to another. Never reads a frame that was captured in part: it would be
 * another frame.
 */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "softnic/peer/internal.h"
#include "softnic/text.h"

/* Frames that are looked at for one that is whole. */
#define TRIES 64u

struct capture {
	struct peer peer;
	pcap_t *in, *format;
	pcap_dumper_t *out;
	char *in_name, *out_name;
	bool kept;
	uint64_t partial;
	struct element element;
	uint8_t room[PEER_FRAME_MAX];
};

static int capture_send(struct peer *peer, const struct frame *frame)
{
	struct capture *capture = (struct capture *)peer;
	const uint8_t *bytes = peer_linear(frame, capture->room);
	struct pcap_pkthdr header = { .caplen = frame->length,
				      .len = frame->length };
	struct timespec now;

	if (!capture->out || !bytes)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	/* In a file of nanoseconds tv_usec holds those. */
	header.ts.tv_sec = now.tv_sec;
	header.ts.tv_usec = now.tv_nsec;
	pcap_dump((u_char *)capture->out, &header, bytes);
	return 0;
}

static void pcap_end_of_file(struct capture *capture, int result)
{
	capture->peer.idle = true;
	if (result != PCAP_ERROR_BREAK)
		peer_error(-EIO, "pcap: %s: %s; what comes behind it is lost",
			   capture->in_name, pcap_geterr(capture->in));
	pcap_close(capture->in);
	capture->in = NULL;
	if (capture->partial)
		peer_error(-EIO, "pcap: %s: %llu frames were captured in part and are "
			   "left out", capture->in_name,
			   (unsigned long long)capture->partial);
}

static int pcap_next_frame(struct capture *capture)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result;

	/* Not for ever: the device has more to do than to read a file. */
	for (unsigned int tried = 0; capture->in && tried < TRIES; tried++) {
		result = pcap_next_ex(capture->in, &header, &bytes);
		if (result != 1) {
			pcap_end_of_file(capture, result);
			return 0;
		}
		if (header->caplen == header->len && header->len &&
		    header->len <= PEER_FRAME_MAX) {
			capture->element.address = (uint8_t *)(uintptr_t)bytes;
			capture->element.length = header->caplen;
			return 1;
		}
		capture->partial++;
	}
	return 0;
}

static int capture_receive(struct peer *peer, struct frame *frame)
{
	struct capture *capture = (struct capture *)peer;

	if (!capture->kept && !pcap_next_frame(capture))
		return 0;
	capture->kept = false;
	peer_frame(frame, &capture->element);
	return 1;
}

/* A file can wait. */
static void capture_unreceive(struct peer *peer)
{
	((struct capture *)peer)->kept = true;
}

static void capture_close(struct peer *peer)
{
	struct capture *capture = (struct capture *)peer;

	if (capture->out && pcap_dump_flush(capture->out) < 0)
		peer_error(-EIO, "pcap: %s could not be written whole",
			   capture->out_name);
	if (capture->out)
		pcap_dump_close(capture->out);
	if (capture->format)
		pcap_close(capture->format);
	if (capture->in)
		pcap_close(capture->in);
	free(capture->in_name);
	free(capture->out_name);
	free(capture);
}

static const struct peer_ops capture_ops = {
	.send = capture_send,
	.receive = capture_receive,
	.unreceive = capture_unreceive,
	.close = capture_close,
};

/* A FIFO would keep the device waiting for who writes to it. */
static FILE *pcap_open_file(const char *name, char *why)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	FILE *file;

	if (fd < 0) {
		snprintf(why, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
		return NULL;
	}
	keep_file(fd);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		snprintf(why, PCAP_ERRBUF_SIZE, "it is no plain file; give a capture "
			 "file of Ethernet frames");
		close(fd);
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

static int pcap_open_in(struct capture *capture)
{
	char why[PCAP_ERRBUF_SIZE] = "no memory";
	FILE *file;
	int link;

	if (!*capture->in_name)
		return 0;
	file = pcap_open_file(capture->in_name, why);
	if (!file)
		return peer_error(-EINVAL, "pcap: %s: %s", capture->in_name, why);
	capture->in = pcap_fopen_offline(file, why);
	if (!capture->in)
		fclose(file);
	if (!capture->in)
		return peer_error(-EINVAL, "pcap: %s: %s; give a capture file of "
				  "Ethernet frames", capture->in_name, why);
	link = pcap_datalink(capture->in);
	if (link != DLT_EN10MB)
		return peer_error(-EINVAL, "pcap: %s holds frames of the kind %s, not "
				  "Ethernet", capture->in_name,
				  pcap_datalink_val_to_name(link) ?: "unknown");
	capture->peer.idle = false;
	return 0;
}

static int pcap_open_out(struct capture *capture)
{
	FILE *file;

	if (!*capture->out_name)
		return 0;
	capture->format = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, PEER_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (!capture->format)
		return peer_error(-ENOMEM, "pcap: no memory");
	file = open_output(capture->out_name);
	if (!file)
		return peer_error(-EIO, "pcap: %s: %s", capture->out_name,
				  output_error(errno));
	capture->out = pcap_dump_fopen(capture->format, file);
	if (!capture->out) {
		fclose(file);
		return peer_error(-EIO, "pcap: %s: %s", capture->out_name,
				  pcap_geterr(capture->format));
	}
	return 0;
}

int peer_open_pcap(const char *text, struct device *device, struct peer **peer)
{
	const char *colon = strchr(text, ':');
	struct capture *capture = calloc(1, sizeof(*capture));
	int result;

	if (!capture)
		return peer_error(-ENOMEM, "pcap: no memory");
	capture->peer = (struct peer){ .ops = &capture_ops, .device = device,
				       .fd = -1, .idle = true, .keeps = true };
	capture->in_name = strndup(text, colon ? (size_t)(colon - text) :
						 strlen(text));
	capture->out_name = strdup(colon ? colon + 1 : "");
	result = capture->in_name && capture->out_name ? 0 :
		 peer_error(-ENOMEM, "pcap: no memory");
	if (!result)
		result = pcap_open_in(capture);
	if (!result)
		result = pcap_open_out(capture);
	if (result) {
		capture_close(&capture->peer);
		return result;
	}
	*peer = &capture->peer;
	return 0;
}
