/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of PCI functions as text. */
#ifndef VN_PCI_NAME_H
#define VN_PCI_NAME_H

#include <stdbool.h>

/* Longest "0000:00:04.0", terminating zero included. */
#define VN_ADDRESS_MAX 20

/*
 * Bring "00:04.0" or "0000:00:04.0" (hexadecimal, lower or upper case) into its
 * full lower-case form. Returns 0 or -EINVAL with a text that knows network interfaces
 * and sockets.
 */
int vn_pci_address_parse(const char *text, char address[VN_ADDRESS_MAX]);

/* The same without a text. Returns whether it is an address. */
bool vn_pci_address_read(const char *text, char address[VN_ADDRESS_MAX]);

#endif
