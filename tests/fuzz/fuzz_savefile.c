/* SPDX-License-Identifier: BSD-3-Clause */
/* Capture files, pcap and pcapng: read twice, each frame with its addresses changed, and replayed by all rules. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/packet.h>

#include "tests/fuzz/fuzz.h"
#include "tools/pktgen/replay/replay.h"
#include "tools/pktgen/replay/rewrite.h"
#include "tools/pktgen/replay/savefile.h"

/* Types of blocks and codes of options, as they lie in a file. */
const char *const fuzz_words[] = { "\x06", "\x03", "\x02", "\x09", "\x0e", "\x0a\x0d\x0d\x0a", "\x4d\x3c\x2b\x1a", NULL };

static struct rewrite rewrite;

static void set_up(void)
{
	struct parse_error error;

	rewrite.source_mac = rewrite.destination_mac = true;
	rewrite_add_map(&rewrite, "", "0.0.0.0/1=10.0.0.0/9", &error);
	rewrite_add_map(&rewrite, "", "::/1=fd00::/7", &error);
	rewrite_add_port(&rewrite, "", "0=1", &error);
}

static void use(const struct savefile_frame *frame)
{
	uint8_t *copy = malloc(frame->captured + 1u);

	assert(copy != NULL && frame->captured <= SAVEFILE_FRAME_MAX && frame->captured <= frame->length);
	memcpy(copy, frame->data, frame->captured);
	rewrite_frame(&rewrite, copy, frame->captured);
	free(copy);
}

/* Returns the frames. */
static uint64_t read_all(struct savefile *file, int *result)
{
	struct savefile_error error;
	struct savefile_frame frame;
	uint64_t frames = 0;

	while ((*result = savefile_next(file, &frame, &error)) == 1) {
		assert(frame.number == ++frames);
		use(&frame);
	}
	assert(*result == 0 || strlen(error.text) > 0);
	return frames;
}

/* All frames that are sent are there to their last byte. */
static void replay_all(int fd, unsigned int rules)
{
	struct replay_options options = REPLAY_OPTIONS_DEFAULT;
	struct engine_source_frame frame;
	struct savefile_error error;
	struct replay *replay;
	uint8_t copy[VIONET_FRAME_MAX];
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.path = path;
	options.oversize = rules % 2 ? REPLAY_OVERSIZE_CUT : REPLAY_OVERSIZE_DROP;
	options.truncated = (int)(rules / 2 % 3);
	if (rules / 6 % 2)
		options.rewrite = rewrite;
	if (replay_open(&replay, &options, &error) != 0)
		return;
	while (replay_next(replay, &frame)) {
		assert(frame.length >= 14 && frame.length <= sizeof(copy));
		memcpy(copy, frame.bytes, frame.length);
	}
	replay_close(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct savefile_error error;
	struct savefile *file;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (rewrite.maps == 0)
		set_up();
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	replay_all(fd, (unsigned int)size);
	if (savefile_open_fd(&file, fd, "fuzz", &error) == 0) {
		int first, second;
		uint64_t frames = read_all(file, &first);

		savefile_rewind(file);
		if (read_all(file, &second) != frames || first != second)
			abort();
		savefile_close(file);
	} else {
		assert(file == NULL && strlen(error.text) > 0);
	}
	return 0;
}
