/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/error.h>
#include <vionet/pci.h>

/* Print each virtio-net function, and why it cannot be driven. */
static int print_functions(void)
{
	struct vionet_pci_function *list;
	size_t count;
	int result = vionet_pci_list(&list, sizeof(*list), &count);

	for (size_t i = 0; result == 0 && i < count; i++)
		printf("%s %s\n", list[i].address,
		       list[i].drivable ? "drivable" : list[i].reason);
	vionet_pci_list_free(list);
	return result;
}

/* Bind one function to vfio-pci, and later restore its driver. */
static int bind_for_a_while(const char *address)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	struct vionet_pci_move *moves;
	size_t count;
	int result = vionet_pci_lookup(address, &function);

	if (result == 0)
		result = vionet_pci_bind(&address, 1, 0, &moves, sizeof(*moves),
					 &count);
	if (result == 0) {
		for (size_t i = 0; i < count; i++)
			printf("%s: %s -> %s\n", moves[i].address, moves[i].from,
			       moves[i].to);
		vionet_pci_moves_free(moves);
		result = vionet_pci_unbind(&address, 1, NULL, 0, NULL, 0, NULL);
	}
	return result;
}

int main(int argc, char **argv)
{
	if (argc == 1 ? print_functions() : bind_for_a_while(argv[1])) {
		fprintf(stderr, "%s\n", vionet_error_text());
		return 1;
	}
	return 0;
}
