/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of streams, of which there may be millions. */
#include "tools/pktgen/results.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/shared/report_file.h"

/* RFC 4180. */
static void streams_name(FILE *file, const char *name)
{
	fputc('"', file);
	for (; *name != '\0'; name++) {
		if (*name == '"')
			fputc('"', file);
		fputc(*name, file);
	}
	fputc('"', file);
}

static void streams_row(FILE *file, const char *name, uint64_t stream, const struct engine_stream_metrics *metrics)
{
	const struct engine_order *order = &metrics->order;

	streams_name(file, name);
	fprintf(file,
		",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
		",%" PRIu64 ",",
		stream, metrics->tx_frames, metrics->rx_frames, order->lost, order->lost_begin,
		order->lost_end, order->duplicates, order->reordered);
	if (order->unique > 0)
		fprintf(file, "%" PRIu64 ",%.1f,%" PRIu64 "\n", metrics->latency_min, metrics->latency_average,
			metrics->latency_max);
	else
		fputs(",,\n", file);
}

int pktgen_write_streams(const struct pktgen_results *results, struct engine *engine)
{
	const char *name = results->options->csv_streams;
	FILE *file = report_file_open(name);

	if (file == NULL)
		return CODE_FAILED;
	fputs("flow,stream,tx_frames,rx_frames,lost,lost_begin,lost_end,duplicates,reordered,"
	      "latency_ns.min,latency_ns.avg,"
	      "latency_ns.max\n",
	      file);
	for (uint32_t i = 0; i < results->flows; i++)
		for (uint64_t j = 0; j < results->flow[i].streams; j++) {
			struct engine_stream_metrics metrics;

			if (engine_stream_metrics(engine, i, j, &metrics) == 0)
				streams_row(file, clean(results->flow[i].name), j, &metrics);
		}
	return report_file_close(file, name);
}
