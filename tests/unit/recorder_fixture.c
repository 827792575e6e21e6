/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/recorder_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include <vionet/packet.h>

#include "tools/shared/common.h"

/* ---- what the command has ---- */

char said[1024];
unsigned int says;

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(said, sizeof(said), format, arguments);
	va_end(arguments);
	says++;
}

const char *output_failure(int error)
{
	return strerror(error);
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* ---- frames ---- */

static char folder[64];

int recorder_setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/vionet-recorder-XXXXXX");
	says = 0;
	return mkdtemp(folder) == NULL;
}

int recorder_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

const struct pcapng_interface recorder_ports[2] = {
	{ .name = "p1", .description = "vfio-user:/a", .mac = { 2, 0, 0, 0, 0, 1 }, .bits_per_second = 10000000000 },
	{ .name = "p2", .description = "vfio-user:/b", .mac = { 2, 0, 0, 0, 0, 2 } },
};

bool test_signature(const uint8_t *frame, uint32_t available, uint32_t total, uint32_t *track, uint64_t *sequence)
{
	assert_true(available == total && total >= 60);
	memcpy(track, frame + 20, 4);
	memcpy(sequence, frame + 24, 8);
	return *track != 0;
}

void make_frame(uint8_t *frame, uint32_t size, uint32_t track, uint64_t sequence)
{
	memset(frame, 0, size);
	memcpy(frame, "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5", 14);
	memcpy(frame + 20, &track, 4);
	memcpy(frame + 24, &sequence, 8);
	for (uint32_t i = 32; i < size; i++)
		frame[i] = (uint8_t)(i + sequence);
}

struct recorder *start_recorder(const struct recorder_options *options, uint32_t workers)
{
	static const struct recorder_flow flows[] = { { "web", 100, 10 }, { "dns", 200, 1 } };
	struct recorder *recorder;

	if (recorder_open(&recorder, options) != CODE_OK ||
	    recorder_start(recorder, recorder_ports, 2, workers, flows, 2) != CODE_OK)
		fail_msg("%s", said);
	return recorder;
}

void see_frame(struct recorder *recorder, uint32_t worker, bool sent, uint32_t size, uint32_t track, uint64_t sequence)
{
	struct engine_place place = { .port = worker % 2, .queue = worker / 2, .worker = worker };
	struct engine_tap tap = recorder_tap(recorder);
	uint8_t frame[SIZE_MAX_TEST];
	struct vionet_packet packet = { .data = frame, .length = size, .segments = 1 }, *packets = &packet;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	make_frame(frame, size, track, sequence);
	tap.see(tap.context, &place, sent, &packets, 1, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	if (sent)
		tap.took(tap.context, &place, 1);
}

struct savefile_frame expect_number(struct savefile *file, uint64_t number)
{
	struct savefile_error error;
	struct savefile_frame frame;
	uint64_t found;

	assert_int_equal(savefile_next(file, &frame, &error), 1);
	memcpy(&found, frame.data + 24, 8);
	assert_true(found == number);
	return frame;
}

struct savefile *open_file(const char *path)
{
	struct savefile_error error;
	struct savefile *file;

	if (savefile_open(&file, path, &error) != 0)
		fail_msg("%s", error.text);
	return file;
}

void expect_libpcap(const char *path, unsigned int frames)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result;
	pcap_t *pcap = pcap_open_offline(path, why);

	if (pcap == NULL)
		fail_msg("%s", why);
	while ((result = pcap_next_ex(pcap, &header, &bytes)) == 1)
		frames--;
	if (result != PCAP_ERROR_BREAK)
		fail_msg("%s", pcap_geterr(pcap));
	assert_int_equal(frames, 0);
	pcap_close(pcap);
}

unsigned int count_text(const char *path, const char *text)
{
	static char bytes[1 << 16];
	FILE *file = fopen(path, "r");
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	unsigned int found = 0;

	fclose(file);
	for (size_t i = 0; i + strlen(text) <= size; i++)
		found += memcmp(bytes + i, text, strlen(text)) == 0;
	return found;
}
