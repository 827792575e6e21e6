/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/packet/compile.h"

#include <errno.h>
#include <stdlib.h>

static int compile_run(struct compile *compile)
{
	static int (*const steps[])(struct compile * compile) = {
		compile_layout,
		compile_sizes,
		compile_payload,
		compile_find_sums,
		compile_offload,
		compile_fields,
		compile_length_terms,
		compile_sums,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int result = steps[i](compile);

		if (result != 0)
			return result;
	}
	return 0;
}

int template_compile(const struct traffic_flow *flow, const struct template_place *place,
		     struct template **template, struct traffic_error *error)
{
	struct compile compile = { .flow = flow, .place = place, .error = error };
	int result = -ENOMEM;

	*template = NULL;
	error->text[0] = '\0';
	error->path[0] = '\0';
	compile.template = calloc(1, sizeof(*compile.template));
	if (compile.template)
		result = compile_run(&compile);
	free(compile.item);
	if (result == -ENOMEM)
		(void)compile_refuse(&compile, -1, "packet", "no memory");
	if (result != 0)
		template_free(compile.template);
	else
		*template = compile.template;
	return result;
}

void template_free(struct template *template)
{
	if (!template)
		return;
	for (uint32_t i = 0; i < template->owned_count; i++)
		free(template->owned[i]);
	free(template->owned);
	cycle_free(template);
	free(template->op);
	free(template->term);
	free(template->head);
	free(template->body);
	free(template->body_before);
	free(template->limit);
	free(template);
}
