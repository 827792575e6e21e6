/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "tools/shared/parse.h"

bool network_read(const char *text, size_t length, struct network *network)
{
	struct parse_error unused;
	uint64_t bits;
	char copy[64];
	char *slash;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	*network = (struct network){ 0 };
	if (inet_pton(AF_INET6, copy, network->address) == 1)
		network->ipv6 = true;
	else if (inet_pton(AF_INET, copy, network->address) != 1)
		return false;
	bits = network->ipv6 ? 128 : 32;
	if (slash != NULL && parse_whole("", slash + 1, 0, bits, &bits, &unused) != 0)
		return false;
	network->bits = (uint8_t)bits;
	return true;
}

bool network_holds(const struct network *network, bool ipv6, const uint8_t *address)
{
	unsigned int whole = network->bits / 8u, rest = network->bits % 8u;

	return network->ipv6 == ipv6 && memcmp(address, network->address, whole) == 0 &&
	       (rest == 0 || ((address[whole] ^ network->address[whole]) >> (8 - rest)) == 0);
}

unsigned int network_bytes(const struct network *network)
{
	return network->ipv6 ? 16 : 4;
}

bool network_is_host(const struct network *network)
{
	static const uint8_t loopback[16] = { [15] = 1 }, unspecified[16];
	const uint8_t *address = network->address;

	if (!network->ipv6)
		return address[0] != 0 && address[0] != 127 && address[0] < 224;
	return address[0] != 0xff && memcmp(address, loopback, 16) != 0 &&
	       memcmp(address, unspecified, 16) != 0;
}
