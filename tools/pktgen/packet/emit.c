/* SPDX-License-Identifier: BSD-3-Clause */
/* What the compiler adds to a template. */
#include "tools/pktgen/packet/compile.h"

#include <errno.h>
#include <stdlib.h>

void *compile_own(struct compile *compile, size_t size)
{
	struct template *template = compile->template;
	void **grown = realloc(template->owned, (template->owned_count + 1) * sizeof(*grown));
	void *memory;

	if (!grown)
		return NULL;
	template->owned = grown;
	memory = calloc(1, size ? size : 1);
	if (memory)
		grown[template->owned_count++] = memory;
	return memory;
}

void compile_write(struct compile *compile, uint32_t bit, uint32_t bits, traffic_value value)
{
	for (uint32_t i = bit + bits; i-- > bit; value >>= 1) {
		uint8_t mask = (uint8_t)(0x80 >> i % 8);
		uint8_t *at = compile->template->head + i / 8;

		*at = (uint8_t)(value & 1 ? *at | mask : *at & ~mask);
	}
}

int compile_add_term(struct compile *compile, uint32_t sum, uint32_t shift)
{
	struct template *template = compile->template;
	struct template_term *grown = realloc(template->term, (template->terms + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	template->term = grown;
	grown[template->terms++] = (struct template_term){ .sum = (uint8_t)sum, .shift = (uint8_t)shift };
	compile->sum[sum].changes = true;
	return 0;
}

int compile_push_op(struct compile *compile, const struct template_op *op)
{
	struct template *template = compile->template;
	struct template_op *grown = realloc(template->op, (template->ops + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	template->op = grown;
	grown[template->ops++] = *op;
	return 0;
}
