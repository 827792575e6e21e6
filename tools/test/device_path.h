/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of trials between devices: the engine of `vionet pktgen`. */
#ifndef VIONET_TOOLS_DEVICE_PATH_H
#define VIONET_TOOLS_DEVICE_PATH_H

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/histogram.h"
#include "tools/test/options.h"
#include "tools/test/trial.h"

#define WIRE_BYTES 24 /* of each frame without FCS: preamble, FCS, gap */

/* What the devices said when they were opened. */
struct device_port {
	uint8_t mac[6];
	uint32_t mtu, link_mbit; /* 0: not stated */
	uint32_t rx_queue_size, tx_queue_size;
};

struct device_path {
	struct trial_path path; /* first: cast back */
	struct test_options *options; /* with the flows */
	struct engine *engine;
	uint32_t size; /* of the frames that the engine has now */
	struct device_port port[2];
	struct histogram latency;
	bool tried; /* a pause belongs in front of the next trial */
	bool ended; /* the last trial, by who watched it */
	bool interrupted;
};

/* Returns an exit code; on failure nothing is left open. */
int device_path_open(struct device_path *device, struct test_options *options);
int device_path_close(struct device_path *device);

/* The longest frame that all take, with FCS. */
uint32_t device_path_size_max(const struct device_path *device);

/* Frames a second of the slowest link, for frames of `size` bytes without FCS; 0: not stated. */
double device_path_line(const struct device_path *device, uint32_t size);

#endif
