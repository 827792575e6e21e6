/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of a configuration, without a device: frames_to_pcap CONFIGURATION PCAP NUMBER...
 * For each flow the frames of these numbers, as the generator would send them; each in a buffer that had another one
 * of its flow before.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pcap/pcap.h>

#include "tools/pktgen/config_file.h"
#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template.h"
#include "tools/shared/own_files.h"

#define FRAME_ROOM 70000

void own_file_reads(const char *path)
{
	(void)path;
}

static const struct template_place place = { .mac = { 2, 0, 0, 0, 0, 1 }, .gateway_mac = { 2, 0, 0, 0, 0, 2 }, .mtu = 9000 };

static void write_frame(pcap_dumper_t *dumper, const struct template *template, uint8_t *frame, uint64_t n, bool fresh)
{
	uint32_t size = template_size(template, n);
	uint32_t length = template_build(template, frame, size, n, n, fresh);
	struct pcap_pkthdr header = { .ts = { .tv_sec = 1 }, .caplen = length, .len = length };

	for (uint32_t i = 0; i < template_signatures(template, size); i++)
		signature_write(frame + template_signature_at(template, size, i), 7, n, 1000);
	if (dumper)
		pcap_dump((u_char *)dumper, &header, frame);
}

static void write_flow(pcap_dumper_t *dumper, const struct traffic_flow *flow, char **numbers, int count)
{
	static uint8_t frame[FRAME_ROOM];
	struct traffic_error error;
	struct template *template;

	if (template_compile(flow, &place, &template, &error) != 0) {
		fprintf(stderr, "%s: %s\n", flow->name, error.text);
		exit(1);
	}
	write_frame(NULL, template, frame, 77, true);
	for (int i = 0; i < count; i++)
		write_frame(dumper, template, frame, strtoull(numbers[i], NULL, 10), false);
	template_free(template);
}

int main(int argc, char **argv)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, FRAME_ROOM);
	pcap_dumper_t *dumper;
	struct traffic_error error;
	struct traffic traffic;

	if (argc < 4 || !pcap)
		return 2;
	if (config_file_read(argv[1], &traffic, &error) != 0) {
		fprintf(stderr, "%s:%u:%u: %s\n", argv[1], error.line, error.column, error.text);
		return 1;
	}
	dumper = pcap_dump_open(pcap, argv[2]);
	if (!dumper)
		return 1;
	for (size_t i = 0; i < traffic.flows; i++)
		write_flow(dumper, &traffic.flow[i], argv + 3, argc - 3);
	pcap_dump_close(dumper);
	pcap_close(pcap);
	traffic_free(&traffic);
	return 0;
}
