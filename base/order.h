/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver and a device that reads and writes its memory agree on: the order of
 * the bytes in a word, the memory orderings, named by their role, and the accessors for
 * words that the device writes.
 *
 * The orderings are not chosen at run time. They are always of the strength that
 * hardware needs (VIRTIO 1.4, "Reserved Feature Bits", RSVD-08): on x86 the first two
 * cost nothing, and elsewhere a driver that accepts ORDER_PLATFORM has to pay anyway.
 */
#ifndef VN_BASE_ORDER_H
#define VN_BASE_ORDER_H

#if __SIZEOF_POINTER__ != 8
#error "vionet is for 64-bit architectures: descriptors are handed over in single stores of 64 bits"
#endif

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Words that a device shares with us, in memory or in a register: little-endian,
 * whatever the machine is (VIRTIO 1.4, "Structure Specifications", GEN-46; "PCI Device
 * Layout", PCI-07). A type of their own, so that the compiler refuses to take one for
 * a number; on a little-endian machine the conversion is nothing.
 */
typedef struct {
	uint16_t raw;
} le16;

typedef struct {
	uint32_t raw;
} le32;

typedef struct {
	uint64_t raw;
} le64;

static inline le16 vn_to_le16(uint16_t value)
{
	return (le16){ htole16(value) };
}

static inline le32 vn_to_le32(uint32_t value)
{
	return (le32){ htole32(value) };
}

static inline le64 vn_to_le64(uint64_t value)
{
	return (le64){ htole64(value) };
}

static inline uint16_t vn_from_le16(le16 word)
{
	return le16toh(word.raw);
}

static inline uint32_t vn_from_le32(le32 word)
{
	return le32toh(word.raw);
}

static inline uint64_t vn_from_le64(le64 word)
{
	return le64toh(word.raw);
}

#if defined(__x86_64__)
/* Loads are not reordered with loads, nor stores with stores; only the compiler
 * has to be held. A locked instruction orders a store before a later load, for
 * ordinary memory, at half the price of mfence. */
#define VN_ORDER_LOADS() __asm__ __volatile__("" ::: "memory")
#define VN_ORDER_STORES() __asm__ __volatile__("" ::: "memory")
#define VN_ORDER_ALL() \
	__asm__ __volatile__("lock; addl $0, -128(%%rsp)" ::: "memory", "cc")
#define VN_CPU_RELAX() __asm__ __volatile__("pause" ::: "memory")
#elif defined(__aarch64__)
/* Outer shareable: the device is an observer too, not only other CPUs. */
#define VN_ORDER_LOADS() __asm__ __volatile__("dmb oshld" ::: "memory")
#define VN_ORDER_STORES() __asm__ __volatile__("dmb oshst" ::: "memory")
#define VN_ORDER_ALL() __asm__ __volatile__("dmb osh" ::: "memory")
#define VN_CPU_RELAX() __asm__ __volatile__("yield" ::: "memory")
#elif defined(__riscv)
/* Loads before stores too: a buffer that came back may be written again. A doorbell is output (o) to a fence,
 * not memory. "pause" is a hint, nothing to processors without it; not every assembler knows its name. */
/* clang-format off */
#define VN_ORDER_LOADS() __asm__ __volatile__("fence r, rw" ::: "memory")
#define VN_ORDER_STORES() __asm__ __volatile__("fence w, ow" ::: "memory")
#define VN_ORDER_ALL() __asm__ __volatile__("fence rw, rw" ::: "memory")
#define VN_CPU_RELAX() __asm__ __volatile__(".4byte 0x0100000f" ::: "memory")
/* clang-format on */
#else
#define VN_ORDER_LOADS() __sync_synchronize()
#define VN_ORDER_STORES() __sync_synchronize()
#define VN_ORDER_ALL() __sync_synchronize()
#define VN_CPU_RELAX() __asm__ __volatile__("" ::: "memory")
#endif

/* After reading an index or flag that the device writes, before reading what it
 * covers. Pairs with the device's barrier between data and index. */
static inline void vn_observe(void)
{
	VN_ORDER_LOADS();
}

/* After writing descriptors and ring entries, before the index or flag that gives them
 * to the device ("Updating idx" and "Updating flags", SPLIT-39, PACKED-36). Pairs with
 * the device's barrier between reading that index and reading what it covers. */
static inline void vn_publish(void)
{
	VN_ORDER_STORES();
}

/* After publishing, before reading whether the device wants a notification ("Notifying
 * The Device" and "Sending Available Buffer Notifications", SPLIT-40, PACKED-37); and
 * after asking for interrupts, before looking for work once more ("Receiving Used
 * Buffers From The Device", SPLIT-42). Pairs with the same barrier on the device's
 * side: without one of the two, each side can miss the other's write and both sleep. */
static inline void vn_publish_then_check(void)
{
	VN_ORDER_ALL();
}

/* Between ring stores and the doorbell. x86 orders them before an uncached store
 * by itself; elsewhere the doorbell could overtake them. */
static inline void vn_before_doorbell(void)
{
	VN_ORDER_STORES();
}

/* Fuzz targets define this in front of each file: what a device writes is then what their
 * input says, another value at each read. */
#ifndef VN_DEVICE_VALUE
#define VN_DEVICE_VALUE(value) (value)
#endif

/*
 * The only way to read a word that the device can write: once, into a local, in
 * host byte order. A second read could give another value than the one that was
 * checked.
 */
static inline uint8_t vn_load8(const volatile uint8_t *byte)
{
	return VN_DEVICE_VALUE(*byte);
}

static inline uint16_t vn_load16(const volatile le16 *word)
{
	return VN_DEVICE_VALUE(le16toh(word->raw));
}

static inline uint32_t vn_load32(const volatile le32 *word)
{
	return VN_DEVICE_VALUE(le32toh(word->raw));
}

static inline uint64_t vn_load64(const volatile le64 *word)
{
	return VN_DEVICE_VALUE(le64toh(word->raw));
}

/*
 * Read a word of 64 bits whose upper 16 are a flag that the device writes last (the
 * second half of a packed descriptor): id and length are at least as new as the flags.
 * x86 reads an aligned word at once, so one read does it; elsewhere the flags are read
 * first, then, behind a barrier, the rest ("Receiving Used Buffers From The Device",
 * PACKED-40), and the flags of the first read are what counts.
 */
static inline uint64_t vn_load64_flagged(const volatile le64 *word)
{
#if defined(__x86_64__)
	uint64_t all = vn_load64(word);

	/* As below; and what the flags cover, in other memory, is not read before
	 * them: only the compiler could. */
	vn_observe();
	return all;
#else
	const volatile le16 *quarter = (const volatile le16 *)word;
	uint64_t flags = vn_load16(&quarter[3]);

	/* Pairs with the device's write barrier between id, length and flags. */
	vn_observe();
	return (vn_load64(word) & 0xffffffffffffull) | flags << 48;
#endif
}

/*
 * Whether registers of a PCI device that are mapped take ordinary loads and stores. On s390 they take
 * instructions of their own (pcistgi, ...), and a store is SIGILL; the kernel's calls work.
 */
#ifdef __s390__
#define VN_REGISTERS_CAN_BE_MAPPED false
#else
#define VN_REGISTERS_CAN_BE_MAPPED true
#endif

/* Stores of words that the device reads. */
static inline void vn_store16(volatile le16 *word, uint16_t value)
{
	word->raw = htole16(value);
}

static inline void vn_store32(volatile le32 *word, uint32_t value)
{
	word->raw = htole32(value);
}

static inline void vn_store64(volatile le64 *word, uint64_t value)
{
	word->raw = htole64(value);
}

#endif
