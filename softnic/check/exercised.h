/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver did that requirements are about, for a report that tells "held" from "not
 * exercised". A counter in device->exercised each. */
#ifndef SOFTNIC_EXERCISED_H
#define SOFTNIC_EXERCISED_H

enum exercised {
	EX_STATUS,	 /* the steps of status, up to DRIVER_OK */
	EX_REGISTERS,	 /* the same with the registers of PCI */
	EX_MSIX,	 /* with vectors */
	EX_FEATURES,	 /* negotiated */
	EX_OWN_FEATURES, /* by the driver itself */
	EX_RESET,	 /* status 0 */
	EX_QUEUE_RESET,
	EX_SUSPEND,
	EX_SPLIT, /* buffers of such a ring; and so on */
	EX_SPLIT_INDIRECT,
	EX_SPLIT_IN_ORDER,
	EX_SPLIT_FLAGS, /* without EVENT_IDX */
	EX_SPLIT_EVENT_IDX,
	EX_PACKED,
	EX_PACKED_INDIRECT,
	EX_RECEIVE,  /* receive buffers */
	EX_TRANSMIT, /* frames */
	EX_CHECKSUM, /* with NEEDS_CSUM */
	EX_SEGMENT,  /* with a gso_type */
	EX_TUNNEL,   /* with a tunnel bit */
	EX_CONTROL,  /* commands; and one bit for each of their classes: */
	EX_CLASS,
	EX_COUNT = EX_CLASS + 16,
};

/* Nothing of a driver's shows whether it would. */
#define EX_NEVER 63u

#endif
