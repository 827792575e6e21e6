/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/frame_filter.h"

#include "tools/shared/common.h"

#define FILTER_SNAPLEN 262144

int frame_filter_compile(struct frame_filter *filter, const char *option, const char *text)
{
	pcap_t *handle; /* "dead": it only compiles */
	int code = CODE_OK;

	*filter = (struct frame_filter){ 0 };
	if (text == NULL || text[0] == '\0')
		return CODE_OK;
	handle = pcap_open_dead(DLT_EN10MB, FILTER_SNAPLEN);
	if (handle == NULL) {
		say("no memory for the filter");
		return CODE_PERMISSION;
	}
	if (pcap_compile(handle, &filter->program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		say("%s '%s': %s", option, text, pcap_geterr(handle));
		code = CODE_USAGE;
	}
	filter->set = code == CODE_OK;
	pcap_close(handle);
	return code;
}

void frame_filter_free(struct frame_filter *filter)
{
	if (filter->set)
		pcap_freecode(&filter->program);
	filter->set = false;
}

bool frame_filter_match(const struct frame_filter *filter, const uint8_t *frame, uint32_t available,
			uint32_t total)
{
	const struct pcap_pkthdr header = { .caplen = available, .len = total };

	return !filter->set || pcap_offline_filter(&filter->program, &header, frame) != 0;
}
