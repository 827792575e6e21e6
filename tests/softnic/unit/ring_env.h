/* SPDX-License-Identifier: BSD-3-Clause */
/* Environment of the tests of rings: memory that both sides see, the functions of the
 * device that the rings call, and a driver that writes rings by hand. */
#ifndef SOFTNIC_RING_ENV_H
#define SOFTNIC_RING_ENV_H

#include "softnic/ring/ring.h"

#define BIT(f) (1ull << (f))

#define ENV_IOVA 0x7000000ull /* where the driver's memory is for the device */
#define ENV_BYTES (4u << 20)
#define ENV_DESCRIPTORS 0u
#define ENV_DRIVER 0x80000u
#define ENV_DEVICE 0xa0000u
#define ENV_TABLES 0x100000u
#define ENV_DATA 0x200000u

/* What the driver and the device share is little-endian. On a big-endian machine the
 * compiler swaps each access. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE
#else
#define LITTLE __attribute__((scalar_storage_order("little-endian")))
#endif

struct LITTLE split_entry {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

struct LITTLE packed_entry {
	uint64_t address;
	uint32_t length;
	uint16_t id, flags;
};

struct LITTLE used_entry {
	uint32_t id, length;
};

struct LITTLE word {
	uint16_t is;
};

struct env {
	struct device device;
	struct options options;
	struct queue *queue;
	uint8_t *memory;
	uint16_t size;
	bool packed;
	/* Counted actions of the device. */
	char violated[8][16];
	unsigned int violations, interrupts, resets, dma_faults;
	/* Set by the test. */
	const char *fault;
	unsigned int permits;	   /* of the data area; 0: both */
	unsigned int ring_permits; /* of descriptors and driver area; 0: both */
	uint64_t split_at;	   /* the data area is two mappings; 0: one */
};

extern struct env env;

/* Fixtures of a group of tests: the memory. */
int env_set_up(void **state);
int env_tear_down(void **state);

/* A queue of `size` on fresh memory. `features`: bits of word 0. Returns what
 * ring_start does. */
int env_start(bool packed, uint16_t size, uint64_t features);
int env_restart(void); /* the ring's memory stays as the test made it */
void env_stop(void);

/* Was the requirement reported, and no other? */
bool env_violated(const char *id);

static inline uint64_t iova(uint64_t offset)
{
	return ENV_IOVA + offset;
}

static inline struct split_entry *split_at(unsigned int i)
{
	return (struct split_entry *)(void *)(env.memory + ENV_DESCRIPTORS) + i;
}

static inline struct packed_entry *packed_at(unsigned int i)
{
	return (struct packed_entry *)(void *)(env.memory + ENV_DESCRIPTORS) + i;
}

static inline struct split_entry *table_at(unsigned int i)
{
	return (struct split_entry *)(void *)(env.memory + ENV_TABLES) + i;
}

/* Words of the available and used areas. */
static inline struct word *avail(unsigned int word)
{
	return (struct word *)(void *)(env.memory + ENV_DRIVER) + word;
}

static inline struct word *used(unsigned int word)
{
	return (struct word *)(void *)(env.memory + ENV_DEVICE) + word;
}

static inline struct used_entry *used_at(unsigned int i)
{
	return (struct used_entry *)(void *)(env.memory + ENV_DEVICE + 4) + i;
}

static inline uint32_t used_id(unsigned int i)
{
	return used_at(i)->id;
}

static inline uint32_t used_length(unsigned int i)
{
	return used_at(i)->length;
}

/* Split: write a descriptor; make `head` available. */
void put(unsigned int i, uint64_t offset, uint32_t length, uint16_t flags,
	 uint16_t next);
void offer(uint16_t head);

#endif
