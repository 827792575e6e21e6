/* SPDX-License-Identifier: BSD-3-Clause */
/* The software device as a process of its own, behind vfio-user, and a driver of it. */
#ifndef VIONET_TESTS_LIVE_H
#define VIONET_TESTS_LIVE_H

#include "tests/unit/test.h"

#include <sys/types.h>

#include <vionet/vionet.h>

struct live {
	char folder[32], name[64], socket[48];
	pid_t server;
	struct vionet_device *device;
};

/* Start a device with these options, and wait for its socket. The environment names the
 * program in VIONET_SOFTNIC. */
struct live *serve(char *const *options);

/* Features that are wanted: at first CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, HASH_REPORT. */
extern struct vionet_features wanted;

/* Bytes of transmit buffers, 0: as usual. */
extern uint32_t live_tx_buffer;

void open_live(struct live *live, unsigned int pairs);

/* Close, and hear the device's judgement. */
void finish(struct live *live, int verdict);

#define OK(call)                                                       \
	do {                                                           \
		if (call)                                              \
			fail_msg("%s: %s", #call, vionet_error_text()); \
	} while (0)

#endif
