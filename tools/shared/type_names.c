/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/type_names.h"

#include <stddef.h>

const char *stats_type_name(uint64_t bits)
{
	/* Source: "Device Statistics", the types by number. */
	static const struct {
		unsigned int bit;
		const char *name;
	} names[] = {
		{ 0, "rx_basic" },  { 1, "rx_csum" },  { 2, "rx_gso" },
		{ 3, "rx_speed" },  { 16, "tx_basic" }, { 17, "tx_csum" },
		{ 18, "tx_gso" },   { 19, "tx_speed" }, { 32, "control" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((bits & (~bits + 1)) == 1ULL << names[i].bit)
			return names[i].name;
	return NULL;
}
