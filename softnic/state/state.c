/* SPDX-License-Identifier: BSD-3-Clause */
/* The envelope, and what is in it: the kind of function, registers, configuration space,
 * queues with their positions; the network half has its own (net/state.c). */
#include "softnic/state/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/state/stream.h"
#include "softnic/text.h"
#include "softnic/vfio_user/server.h"

#define VERSION 2u
#define MAGIC "softnic"
#define ENVELOPE 24u /* magic, version, length, checksum */

/* In ns; a reset takes no longer, whatever the options. */
#define RESET_MOST 3600000000000ull

#define ST_ALL (ST_ACKNOWLEDGE | ST_DRIVER | ST_DRIVER_OK | ST_FEATURES_OK | ST_SUSPEND | \
		ST_NEEDS_RESET | ST_FAILED)

/* ---- the kind of function: the same on both sides, as far as the driver relies on it ---- */

static void state_same(struct state *state, uint32_t ours, const char *what)
{
	uint32_t value = ours;

	state_field(state, value);
	state_require(state, value == ours, "%s: %u there, %u here", what, value, ours);
}

static void state_kind(struct state *state, struct device *device)
{
	const struct options *options = device->options;
	uint32_t config = (uint32_t)net_config_size(device);
	bool pairs, mtu;

	state_section(state, "kind");
	for (unsigned int i = 0; i < FT_COUNT / 64; i++) {
		state_field(state, device->accepted.word[i]);
		state_require(state, !(device->accepted.word[i] & ~device->offered.word[i]),
			      "features of word %u that are in use and not offered here: 0x%llx",
			      i, (unsigned long long)(device->accepted.word[i] & ~device->offered.word[i]));
	}
	pairs = features_have(&device->accepted, FT_MQ) || features_have(&device->accepted, FT_RSS);
	mtu = features_have(&device->accepted, FT_MTU);
	state_same(state, options->transitional, "transitional");
	state_same(state, options->vectors, "vectors");
	state_same(state, options->notify_multiplier, "bytes between doorbells");
	state_same(state, pairs ? options->queue_pairs : 1, "queue pairs");
	state_same(state, mtu ? device->mtu : 0, "MTU");
	state_field(state, config);
	state_require(state, config <= net_config_size(device),
		      "device configuration: %u bytes there, %zu here", config,
		      net_config_size(device));
}

/* ---- registers ---- */

static void state_queue_registers(struct state *state, struct queue_registers *queue)
{
	state_field(state, queue->vector_unread);
	state_field(state, queue->was_reset);
	state_field(state, queue->reset_unread);
	state_field(state, queue->reset_reads);
	state_field(state, queue->written);
	state_require(state, queue->written <= WROTE_AREAS, "areas of a queue");
	state_require(state, queue->reset_reads <= 1, "reset of a queue");
}

static void state_registers(struct state *state, struct device *device)
{
	struct registers *registers = registers_of(device);
	unsigned int vectors = device->options->vectors;

	state_section(state, "register");
	state_field(state, device->status);
	state_require(state, !(device->status & ~ST_ALL), "status 0x%02x", device->status);
	state_require(state, !(device->status & (ST_DRIVER_OK | ST_SUSPEND)) || (device->status & ST_FEATURES_OK),
		      "status 0x%02x without FEATURES_OK", device->status);
	state_require(state,
		      (device->status & ST_FEATURES_OK) ?
			      status_acceptable(device, &device->accepted) :
			      !(device->accepted.word[0] | device->accepted.word[1]),
		      "the features do not go with status 0x%02x", device->status);
	state_field(state, device->generation);
	state_field(state, registers->device_feature_select);
	state_field(state, registers->driver_feature_select);
	for (unsigned int i = 0; i < FT_COUNT / 64; i++)
		state_field(state, registers->wanted.word[i]);
	state_field(state, registers->config_vector);
	state_require(state, registers->config_vector == NO_VECTOR || registers->config_vector < vectors,
		      "configuration vector %u", registers->config_vector);
	state_field(state, registers->queue_select);
	state_field(state, registers->isr);
	state_field(state, registers->config_vector_unread);
	state_field(state, registers->reset_unread);
	state_field(state, registers->status_unread);
	state_field(state, registers->generation_read);
	state_field(state, registers->config_unread);
	state_field(state, registers->touched);
	state_field(state, device->server->resets);
	state_time(state, &device->server->reset_until, RESET_MOST);
}

/* Only what the driver can write: the rest is the same, or the function is another one. */
static void state_space(struct state *state, struct device *device)
{
	const struct pci *pci = &device->server->pci;
	uint8_t byte[CONFIG_SPACE];

	state_section(state, "space");
	memcpy(byte, pci->byte, sizeof(byte));
	state_bytes(state, byte, sizeof(byte));
	if (state->loading && !state->failed)
		pci_restore(device, byte);
}

/* ---- queues ---- */

static void state_position(struct state *state, struct ring_position *at)
{
	state_field(state, at->next);
	state_field(state, at->used);
	state_field(state, at->next_wrap);
	state_field(state, at->used_wrap);
}

static void state_check_queue(struct state *state, const struct queue *queue)
{
	const struct device *device = queue->device;

	state_require(state, queue->size <= queue_size_max(device, queue->index),
		      "queue %u has %u entries, the most here are %u", queue->index,
		      queue->size, queue_size_max(device, queue->index));
	state_require(state, queue->vector == NO_VECTOR || queue->vector < device->options->vectors,
		      "queue %u has vector %u", queue->index, queue->vector);
	state_require(state, !queue->enabled || (queue->size != 0 && (device->status & ST_FEATURES_OK)),
		      "queue %u is enabled before it can be", queue->index);
}

static void state_run_queue(struct state *state, struct queue *queue, bool broken,
			    const struct ring_position *at)
{
	if (!queue->enabled)
		return;
	if (!broken && ring_resume(queue, at) < 0)
		state_fail(state, "queue %u: nothing can go on at %u and %u of its ring",
			   queue->index, at->next, at->used);
	queue->broken |= broken;
	if (state->failed || broken)
		return;
	net_queue_started(queue);
	/* The driver may have rung where nobody listened any more. */
	queue->kicked = true;
}

static void state_queue(struct state *state, struct queue *queue)
{
	struct ring_position at = { 0 };
	bool broken = queue->broken, filled = queue->filled || queue->taken != 0;

	state_field(state, queue->size);
	state_field(state, queue->vector);
	state_field(state, queue->enabled);
	state_field(state, broken);
	state_field(state, filled);
	state_field(state, queue->descriptor_area);
	state_field(state, queue->driver_area);
	state_field(state, queue->device_area);
	state_field(state, queue->kicks);
	state_field(state, queue->interrupts);
	state_queue_registers(state, &registers_of(queue->device)->queue[queue->index]);
	if (!state->loading && queue->enabled && !broken)
		ring_position(queue, &at);
	state_position(state, &at);
	state_check_queue(state, queue);
	if (state->failed)
		queue->enabled = false;
	if (!state->loading)
		return;
	state_run_queue(state, queue, broken, &at);
	queue->filled = filled;
}

static void state_queues(struct state *state, struct device *device)
{
	unsigned int count = device_queues_in_use(device);

	state_section(state, "queues");
	for (unsigned int i = 0; i < count && !state->failed; i++)
		state_queue(state, &device->queue[i]);
}

/* ---- all of it ---- */

static void state_parts(struct state *state, struct device *device)
{
	state_kind(state, device);
	state_space(state, device);
	state_registers(state, device);
	if (state->loading && !state->failed && (device->status & ST_FEATURES_OK))
		net_features_resumed(device);
	state_queues(state, device);
	net_state(device, state);
}

/* FNV-1a: it finds what went wrong on the way, and proves nothing about who wrote it. */
static uint64_t state_checksum(const uint8_t *data, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ data[i]) * 0x100000001b3u;
	return sum;
}

static void state_envelope(struct state *state, uint64_t length, uint64_t *checksum)
{
	char magic[8] = MAGIC;
	uint32_t version = VERSION, size = (uint32_t)length;

	state->section = "envelope";
	state_bytes(state, magic, sizeof(magic));
	state_require(state, memcmp(magic, MAGIC, sizeof(magic)) == 0,
		      "it is no state of this device");
	state_field(state, version);
	state_require(state, version == VERSION, "version %u, and this is %u", version, VERSION);
	state_field(state, size);
	state_require(state, size == length, "%u bytes are announced, %llu have come", size,
		      (unsigned long long)length);
	state_field(state, *checksum);
}

int state_save(struct device *device, uint8_t **data, size_t *size)
{
	struct state state = { .section = "envelope" };
	struct state envelope = { .section = "envelope" };
	uint8_t room[ENVELOPE] = { 0 };
	const char *busy = net_busy(device);
	uint64_t checksum;

	*data = NULL;
	if (busy != NULL) {
		complain("the state cannot be saved now: %s", busy);
		return -EBUSY;
	}
	state_bytes(&state, room, sizeof(room));
	state_parts(&state, device);
	if (!state.failed) {
		checksum = state_checksum(state.data + ENVELOPE, state.size - ENVELOPE);
		state_envelope(&envelope, state.size, &checksum);
	}
	if (state.failed || envelope.failed || envelope.size != ENVELOPE) {
		complain("the state cannot be saved: no memory");
		free(state.data);
		free(envelope.data);
		return -ENOMEM;
	}
	memcpy(state.data, envelope.data, ENVELOPE);
	free(envelope.data);
	*data = state.data;
	*size = state.size;
	return 0;
}

int state_load(struct device *device, const uint8_t *data, size_t size)
{
	struct state state = { .loading = true, .data = (uint8_t *)(uintptr_t)data, .size = size };
	uint64_t checksum = 0;

	state_envelope(&state, size, &checksum);
	state_require(&state, !state.failed && checksum == state_checksum(data + ENVELOPE, size - ENVELOPE),
		      "the checksum is wrong");
	if (!state.failed)
		state_parts(&state, device);
	state_require(&state, state.at == size, "%zu bytes too many", size - state.at);
	if (!state.failed)
		return 0;
	complain("a state is refused: %s", state.why);
	return -EINVAL;
}
