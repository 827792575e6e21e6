/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In front of every file of a proof. Frama-C knows neither GCC's generic atomics nor its
 * prefetch; a proof has one thread, in which an atomic access is a plain one.
 */
#ifndef VN_PROOF_H
#define VN_PROOF_H

#define CLOCK_MONOTONIC_COARSE 6
#define NAME_MAX 255
#define O_PATH 010000000
#define F_GET_SEALS 1034
#define F_SEAL_SHRINK 2
#define SOCK_CLOEXEC 02000000
#define SOCK_NONBLOCK 04000
struct statfs;
long syscall(long number, ...);
int fstatfs(int fd, struct statfs *system);
#define accept4(fd, address, length, flags) accept(fd, address, length)
#define htole16(number) (number)
#define htole32(number) (number)
#define htole64(number) (number)
#define le16toh(word) (word)
#define le32toh(word) (word)
#define le64toh(word) (word)
/* Texts are not what is proved: any that fit (tests/proofs/stubs.c). */
#include <stdio.h>
int proof_text(char *to, size_t size, const char *format, ...);
int proof_text_of(char *to, size_t size, const char *format, __builtin_va_list arguments);
#define snprintf proof_text
#define vsnprintf proof_text_of

#define _Alignas(bytes)
#define __atomic_store_n(place, value, order) (*(place) = (value))
#define __atomic_load_n(place, order) (*(place))
#define __atomic_add_fetch(place, amount, order) (*(place) += (amount))
#define __atomic_sub_fetch(place, amount, order) (*(place) -= (amount))
#define __atomic_thread_fence(order) ((void)0)
#define __builtin_prefetch(...) ((void)0)

#endif
