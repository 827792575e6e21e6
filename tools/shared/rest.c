/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/rest.h"

#include <stdint.h>

#include "tools/shared/stop.h"

#define LIMIT_NS 1000000000ULL
#define LOOK_NS 20000ULL

/* One that joins counts itself first and looks then; the control thread does both the other way
 * round: it cannot be missed. */
static struct {
	unsigned int members, resting;
	bool wanted;
} rest;

void rest_join(void)
{
	__atomic_add_fetch(&rest.members, 1, __ATOMIC_SEQ_CST);
	rest_point();
}

void rest_leave(void)
{
	__atomic_sub_fetch(&rest.members, 1, __ATOMIC_SEQ_CST);
}

void rest_point(void)
{
	if (!__atomic_load_n(&rest.wanted, __ATOMIC_SEQ_CST))
		return;
	__atomic_add_fetch(&rest.resting, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&rest.wanted, __ATOMIC_SEQ_CST))
		sleep_ns(LOOK_NS);
	__atomic_sub_fetch(&rest.resting, 1, __ATOMIC_SEQ_CST);
}

bool rest_begin(void)
{
	uint64_t end = now_ns() + LIMIT_NS;

	__atomic_store_n(&rest.wanted, true, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&rest.resting, __ATOMIC_SEQ_CST) !=
	       __atomic_load_n(&rest.members, __ATOMIC_SEQ_CST)) {
		if (now_ns() >= end)
			return false;
		sleep_ns(LOOK_NS);
	}
	return true;
}

/* Those that rested have gone on before there is another one to wait for. */
void rest_end(void)
{
	uint64_t end = now_ns() + LIMIT_NS;

	__atomic_store_n(&rest.wanted, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&rest.resting, __ATOMIC_SEQ_CST) != 0 && now_ns() < end)
		sleep_ns(LOOK_NS);
}
