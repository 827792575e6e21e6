/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/error.h>
#include <vionet/vdpa.h>

/* Have its node for a while, and give it back to the kernel. */
static int bind_for_a_while(const char *name)
{
	struct vionet_vdpa_move move = { .struct_size = sizeof(move) };
	int result = vionet_vdpa_bind(name, 0, &move);

	if (result == 0) {
		printf("%s: %s -> %s, %s\n", move.name, move.from, move.to, move.node);
		result = vionet_vdpa_unbind(name, NULL);
	}
	return result;
}

int main(int argc, char **argv)
{
	if (argc == 2 && bind_for_a_while(argv[1]) == 0)
		return 0;
	fprintf(stderr, "%s\n", vionet_error_text());
	return 1;
}
