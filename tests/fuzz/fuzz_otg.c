/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of configurations: what it refuses has a sentence; what it takes is written, read again, and written the same. */
#include <assert.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/round_trip.h"
#include "tools/pktgen/model/otg.h"

const char *const fuzz_words[] = {
	"choice",
	"value",
	"values",
	"increment",
	"decrement",
	"random",
	"auto",
	"metric_tags",
	"start",
	"step",
	"count",
	"ethernet",
	"vlan",
	"ipv4",
	"ipv6",
	"ipv6_extension_header",
	"udp",
	"tcp",
	"icmp",
	"icmpv6",
	"vxlan",
	"gre",
	"gtpv1",
	"mpls",
	"ppp",
	"arp",
	"custom",
	"options",
	"timestamp",
	"format",
	"router_alert",
	"segment_list",
	"pad_tlv",
	"size",
	"weight_pairs",
	"rate",
	"duration",
	"burst",
	"inter_burst_gap",
	"x-vionet",
	"template",
	"replay",
	"payload",
	"captures",
	"null",
	"true",
	"false",
	"[]",
	"{}",
	"0",
	"-1",
	"4294967296",
	"18446744073709551615",
	"1e308",
	"0.0001",
	"0x7fffffff",
	"10.0.0.1",
	"2001:db8::1",
	"02:00:00:00:00:01",
	"\xef\xbb\xbf",
	"---\n",
	"...\n",
	"%YAML 1.2\n",
	"? ",
	"| ",
	"> ",
	"&a ",
	"*a",
	"!!str ",
	"\\u0000",
	"\\ud83d\\ude00",
	"\\\"",
	"<<: ",
	"- ",
	NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct traffic traffic;
	struct traffic_error error;

	if (otg_read_text((const char *)bytes, size, &traffic, &error) != 0) {
		assert(error.text[0] != '\0');
		for (const char *at = error.text; *at != '\0'; at++)
			assert((unsigned char)*at >= ' ');
		return 0;
	}
	fuzz_round_trip(&traffic);
	traffic_free(&traffic);
	return 0;
}
