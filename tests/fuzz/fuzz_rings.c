/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues through the transport seam: the device is behind driver/transport/transport.h. */
#include "driver/device/open.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session.h"

/* The device's deadlines (session.c), each a few times. */
#define CALL_LIMIT 3000000000ull

const char *const fuzz_words[] = { "\x01\x02\x03", "\x06\x10", "\x07\x01", "\x05\xff\xff", "\x0e\x0f", "\x02\x08\x21",
				   "\x0b\x40", "\x0c\x00", "\x0d\x01", "\x12\x01", NULL };

static int rings_open(const struct vionet_open_options *options, struct vionet_device **device)
{
	return vn_device_open(&fuzz_dev.transport, options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_sessions(bytes, size, CALL_LIMIT, rings_open);
	return 0;
}
