/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-net function in this process, for tests: registers (model.c), rings of both
 * layouts (model_ring.h) and an IOMMU of its own, written from the specification. It shares no code, no constant
 * and no structure with the driver: only the table of pci/function.h is common.
 *
 * It sees the driver's memory through a second mapping of the same file, so a
 * buffer that the driver poisons stays readable here, and every access is checked
 * against what the driver mapped: an access outside, or a write to memory that is
 * read-only for the device, is counted as an IOMMU fault and not carried out.
 *
 * Switches make it misbehave. It is driven by the caller: nothing happens between
 * calls, except that a doorbell write sends what is there.
 */
#ifndef VIONET_TESTS_MODEL_H
#define VIONET_TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci/function.h"
#include "tests/unit/model_ring.h"

#define MODEL_QUEUES 257 /* room for 128 pairs and a control queue */
#define MODEL_MAPS 1100

struct model_map {
	uint8_t *ours;
	size_t size;
	uint64_t iova;
	bool writable;
	bool borrowed; /* `ours` is the driver's mapping */
	bool used;
};

struct model {
	struct vn_function function; /* first */
	struct model **live; /* the maker's pointer */
	uint8_t config[256];
	uint64_t offered[2], accepted[2];
	uint32_t feature_select, driver_select;
	uint8_t status, generation;
	bool suspended;
	uint16_t queue_select, config_vector;
	uint16_t queues; /* that it has */
	bool queues_with_mq; /* as QEMU: three, until MQ or RSS was accepted */
	uint16_t queue_max;
	struct model_rings rings;
	struct model_queue queue[MODEL_QUEUES];
	uint8_t net_config[28];
	struct model_map map[MODEL_MAPS];
	uint64_t next_iova;
	bool bus_master;
	int eventfd[MODEL_QUEUES + 1];
	unsigned int eventfds;

	/* What it has seen. */
	unsigned int faults, resets, function_resets, doorbells, closes;
	unsigned int maps, dma_before_master;
	unsigned int checks; /* of the limit, and ... */
	unsigned int maps_at_check; /* how many maps there were at the last */
	uint64_t checked;    /* bytes it was about */
	unsigned int unmapped_live; /* mappings removed while it could access memory */
	char log[4096];	/* what was written, in order: "status=1 features ..." */
	uint64_t sent; /* frames */
	void (*on_frame)(void *context, const uint8_t *frame, size_t length);
	void *context;
	bool paused; /* doorbells only count; call model_transmit */
	/* Other parts of a device, where a test has them. */
	void (*on_doorbell)(struct model *m, unsigned int queue);
	void (*on_reset)(struct model *m);
	void (*on_status)(struct model *m, uint8_t written);
	void *part; /* theirs */
	unsigned int batch;    /* with IN_ORDER: frames to a used entry; 0: 1 */
	uint8_t rx_header[24]; /* of frames that are delivered, but num_buffers */

	/* How it misbehaves; 0 or false is well. */
	bool removed;		/* every register reads all-ones */
	bool never_reset;	/* status does not go to 0 */
	bool reset_needs_function; /* ... until the function is reset */
	bool reset_fails;	/* writing 0 to the status is an error */
	bool refuse_features;	/* clears FEATURES_OK */
	uint8_t stuck_status;	/* status bits that cannot be set */
	bool unstable_generation;
	uint16_t mtu_later;	/* what the MTU becomes at FEATURES_OK; 0: stays */
	bool no_vectors;
	bool enable_fails, enabled_at_start, size_ignored, address_ignored;
	uint64_t reads_zero;		/* registers that read 0: bit n is the one at offset n; the
				 * size only once it is another than the largest */
	uint8_t hidden_status;	/* status bits that are set and not shown */
	unsigned int reset_ms;	/* that a reset takes, the function's too */
	double reset_until;	/* seconds; then it is done */
	unsigned int vector_calls; /* for another number than 0 */
	bool vectors_reported;	/* -ENOSPC comes with how many there are */
	bool doorbells_mapped;	/* a doorbell can be mapped alone, and is not seen then */
	uint8_t doorbell_page[4096];
	bool bad_notify_off;	/* queue_notify_off far outside */
	unsigned int fail_access; /* the n-th register access fails, from 1 */
	unsigned int accesses;
	unsigned int fail_map;	/* the n-th memory_add fails, from 1 */
	uint64_t lock_limit;	/* more bytes are not to be added; 0: no limit */
	unsigned int fail_status; /* the n-th write to the status fails, from 1 */
	unsigned int status_writes;
	bool queue_reset_stuck;	/* queue_reset keeps reading 1 */
	unsigned int vectors_max; /* more get -ENOSPC; 0: no limit */
	int vectors_result;
};

/* A well-behaved device with MAC 52:54:00:aa:bb:cc, link up, MTU 1500, 256-entry
 * queues. Freed by its close operation; `live` is set to NULL then. */
struct model *model_create(struct model **live);

/* Memory that the device may access at `iova`, NULL (and a fault) if it may not. */
uint8_t *model_at(struct model *m, uint64_t iova, size_t size, bool write);

/* What model_ring.h says of them, for a queue by its number. */
int model_take(struct model *m, unsigned int queue, uint8_t *data, size_t size,
	       size_t *length);
void model_used(struct model *m, unsigned int queue, uint32_t id, uint32_t len,
		uint16_t advance);
void model_used_bits(struct model *m, unsigned int queue, uint32_t id,
		     uint32_t len, uint16_t advance, unsigned int bits);
void model_used_batch(struct model *m, unsigned int queue, unsigned int count,
		      uint32_t len);
void model_used_flags(struct model *m, unsigned int queue, uint16_t flags);
void model_want_kick(struct model *m, unsigned int queue);

/* Does the driver want an interrupt when the next buffer is used? */
bool model_wants_interrupt(struct model *m, unsigned int queue);

/* Send everything that is available on queue 1; completes in order. Returns the
 * number of frames. */
unsigned int model_transmit(struct model *m);

/* Deliver a frame to queue 0 in one buffer, or in several of `piece` bytes each if
 * that is not 0. `header` may override num_buffers (-1: right value). Returns the
 * number of buffers used, 0 if there were too few. */
unsigned int model_deliver(struct model *m, const uint8_t *frame, size_t length,
			   size_t piece, int num_buffers);

/* Bytes of virtio_net_hdr by the accepted features. */
size_t model_header_size(const struct model *m);

/* Signal a queue's vector, or the configuration's (-1). */
void model_interrupt(struct model *m, int queue);

#endif
