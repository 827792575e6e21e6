/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: configuration spaces that are wrong on purpose: faults of area A.
 * Never: changes anything when no fault is switched on.
 * Read next: pci.c.
 */
#include "server.h"

void pci_break(struct device *device)
{
	(void)device;
}
