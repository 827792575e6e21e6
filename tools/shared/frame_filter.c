/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/frame_filter.h"

#include <vionet/packet.h>

#include "tools/shared/common.h"

#define FILTER_SNAPLEN 262144

/* From here up are no bytes of a frame: Linux has there what it knows of it (SKF_AD_OFF of
 * linux/filter.h, and others). */
#define FILTER_KERNEL 0x80000000u
#define FILTER_PACKET_TYPE (0u - 0x1000u + 4u)
#define FILTER_PACKET_HOST 0u
#define FILTER_PACKET_OUTGOING 4u

static bool filter_loads_bytes(const struct bpf_insn *instruction)
{
	unsigned int mode = BPF_MODE(instruction->code);

	return (BPF_CLASS(instruction->code) == BPF_LD || BPF_CLASS(instruction->code) == BPF_LDX) &&
	       (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH);
}

/* libpcap compiles `inbound` and `outbound` as for a socket of Linux, where a load finds the
 * direction: it is known here beforehand. What else would be loaded from there is nowhere, and such
 * a program matches no frame. */
static int filter_resolve(struct bpf_program *program, bool sent, const char *option, const char *text)
{
	for (unsigned int i = 0; i < program->bf_len; i++) {
		struct bpf_insn *instruction = &program->bf_insns[i];

		if (!filter_loads_bytes(instruction) || instruction->k < VIONET_FRAME_MAX)
			continue;
		if (instruction->k == FILTER_PACKET_TYPE && BPF_MODE(instruction->code) == BPF_ABS) {
			instruction->code = BPF_LD | BPF_IMM;
			instruction->k = sent ? FILTER_PACKET_OUTGOING : FILTER_PACKET_HOST;
			continue;
		}
		if (instruction->k >= FILTER_KERNEL)
			say("%s '%s': it asks for what only a kernel's interface knows of a frame, "
			    "as ifindex does; leave that out",
			    option, text);
		else
			say("%s '%s': it asks for byte %u, and a frame has %u at most", option, text, instruction->k,
			    (unsigned int)VIONET_FRAME_MAX);
		return CODE_USAGE;
	}
	return CODE_OK;
}

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
	for (unsigned int sent = 0; sent < 2 && code == CODE_OK; sent++) {
		if (pcap_compile(handle, &filter->program[sent], text, 1, PCAP_NETMASK_UNKNOWN) == 0) {
			code = filter_resolve(&filter->program[sent], sent, option, text);
			continue;
		}
		say("%s '%s': %s", option, text, pcap_geterr(handle));
		code = CODE_USAGE;
	}
	filter->set = true;
	if (code != CODE_OK)
		frame_filter_free(filter);
	pcap_close(handle);
	return code;
}

void frame_filter_free(struct frame_filter *filter)
{
	for (unsigned int sent = 0; sent < 2 && filter->set; sent++)
		pcap_freecode(&filter->program[sent]);
	filter->set = false;
}

bool frame_filter_match(const struct frame_filter *filter, bool sent, const uint8_t *frame, uint32_t available,
			uint32_t total)
{
	const struct pcap_pkthdr header = { .caplen = available, .len = total };

	return !filter->set || pcap_offline_filter(&filter->program[sent], &header, frame) != 0;
}
