/* SPDX-License-Identifier: BSD-3-Clause */
/* Records what the rings report; the tests check it. */
#include "ring_env.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct env env;

/* ---- the device's side, as the rings call it ---- */

static bool find(uint64_t at, struct mapping *mapping)
{
	uint64_t offset = at - ENV_IOVA, from = 0, to = ENV_BYTES;

	if (offset >= ENV_BYTES)
		return false;
	if (env.split_at && offset >= env.split_at)
		from = env.split_at;
	else if (env.split_at)
		to = env.split_at;
	*mapping = (struct mapping){ ENV_IOVA + from, to - from,
				     env.memory + from,
				     DEVICE_READS | DEVICE_WRITES };
	if (env.permits && offset >= ENV_DATA)
		*mapping = (struct mapping){ ENV_IOVA + ENV_DATA,
					     ENV_BYTES - ENV_DATA,
					     env.memory + ENV_DATA, env.permits };
	else if (env.permits)
		mapping->size = ENV_DATA;
	if (env.ring_permits && offset < ENV_DEVICE)
		*mapping = (struct mapping){ ENV_IOVA, ENV_DEVICE, env.memory,
					     env.ring_permits };
	return true;
}

bool dma_window(const struct device *device, uint64_t at, struct mapping *mapping)
{
	(void)device;
	return find(at, mapping);
}

void *dma(struct device *device, uint64_t at, uint64_t size,
	  enum direction direction)
{
	struct mapping mapping;

	(void)device;
	if (find(at, &mapping) && (mapping.directions & direction) == direction &&
	    size <= mapping.size - (at - mapping.iova))
		return mapping.address + (at - mapping.iova);
	env.dma_faults++;
	return NULL;
}

void violation(struct device *device, const char *id, const char *format, ...)
{
	char text[256];
	va_list arguments;

	(void)device;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (getenv("RING_ENV_VERBOSE"))
		fprintf(stderr, "%s: %s\n", id, text);
	if (env.violations < 8)
		snprintf(env.violated[env.violations], 16, "%s", id);
	env.violations++;
}

void interrupt_queue(struct queue *queue)
{
	(void)queue;
	env.interrupts++;
}

void needs_reset(struct device *device)
{
	(void)device;
	env.resets++;
}

void trace_line(struct device *device, const char *format, ...)
{
	(void)device;
	(void)format;
}

const char *fault_id(enum fault fault)
{
	static const char *const id[FAULT_COUNT] = {
#define FAULT(id, name, text) [FAULT_##name] = #id,
#include "softnic/fault/transport.def"
#include "softnic/fault/rings.def"
#include "softnic/fault/net.def"
#undef FAULT
	};

	return id[fault];
}

bool fault_is_on(const struct device *device, enum fault fault)
{
	(void)device;
	return env.fault && !strcmp(env.fault, fault_id(fault));
}

/* ---- the environment ---- */

int env_set_up(void **state)
{
	(void)state;
	env.memory = aligned_alloc(4096, ENV_BYTES);
	return env.memory ? 0 : -1;
}

int env_tear_down(void **state)
{
	(void)state;
	free(env.memory);
	return 0;
}

int env_start(bool packed, uint16_t size, uint64_t features)
{
	bool shuffle = env.options.shuffle;

	memset(env.memory, 0, ENV_DATA);
	memset(&env.device, 0, sizeof(env.device));
	memset(&env.options, 0, sizeof(env.options));
	env.options.shuffle = shuffle;
	env.options.faults = env.fault;
	env.packed = packed;
	env.size = size;
	env.violations = env.interrupts = env.resets = env.dma_faults = 0;
	env.device.options = &env.options;
	env.device.status = ST_DRIVER_OK;
	env.device.accepted.word[0] =
		features | (packed ? 1ull << FT_RING_PACKED : 0);
	env.queue = &env.device.queue[1];
	env.queue->index = 1;
	return env_restart();
}

int env_restart(void)
{
	env.queue->device = &env.device;
	env.queue->size = env.size;
	env.queue->enabled = true;
	env.queue->descriptor_area = iova(ENV_DESCRIPTORS);
	env.queue->driver_area = iova(ENV_DRIVER);
	env.queue->device_area = iova(ENV_DEVICE);
	return ring_start(env.queue);
}

void env_stop(void)
{
	ring_stop(env.queue);
}

bool env_violated(const char *id)
{
	unsigned int i;

	for (i = 0; i < env.violations && i < 8; i++)
		if (strcmp(env.violated[i], id))
			return false;
	return env.violations != 0;
}

void put(unsigned int i, uint64_t offset, uint32_t length, uint16_t flags,
	 uint16_t next)
{
	*split_at(i) = (struct split_entry){ iova(offset), length, flags, next };
}

void offer(uint16_t head)
{
	uint16_t index = avail(1)->is;

	avail(2u + index % env.size)->is = head;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	avail(1)->is = (uint16_t)(index + 1);
}
