/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists for the user of what is checked and what can be broken. violation() in device.h is
 * called where the requirement can be seen.
 */
#ifndef SOFTNIC_VERDICT_H
#define SOFTNIC_VERDICT_H

#include "softnic/device.h"

enum strength { MUST,
		IMPLIED,
		SHOULD };

struct requirement {
	const char *id;
	enum strength strength;
	const char *section; /* of VIRTIO 1.4 */
	const char *text;
	unsigned int broken;
	char *first; /* case of that; NULL: none, or no memory */
};

void requirement_list(FILE *out);
/* By its place in the list; NULL: no more. */
const struct requirement *requirement_at(size_t index);

/* How the run is to end: 3 if the driver violated a requirement or made a DMA fault. */
int verdict(const struct device *device);

/* "D01,C16=7": switch these on. 0, or -EINVAL with the first unknown one (of at most
 * 15 characters) in `unknown`. */
int fault_parse(const char *ids, char unknown[16]);
/* One fault, at run time. 0 or -EINVAL. */
int fault_switch(struct device *device, const char *id, bool on);
/* The ID of one that is on and needs a PCI function, NULL: none. */
const char *fault_of_registers(void);
void fault_list(FILE *out);

#endif
