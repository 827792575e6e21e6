/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /metrics: Prometheus's text exposition format, version 0.0.4. The metrics of a family stand together. */
#include "tools/pktgen/api/parts.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/common.h"

#define PREFIX "vionet_pktgen_"
#define LABEL_MAX 256

enum family_unit { UNIT_COUNT,
		   UNIT_NUMBER,
		   UNIT_SECONDS };

/* A family, and where its value lies in the engine's struct. */
struct family {
	const char *name, *type, *help;
	size_t offset;
	enum family_unit unit;
};

#define FLOW(member) offsetof(struct engine_flow_metrics, member)
#define PORT(member) offsetof(struct engine_port_metrics, member)
#define QUEUE(member) offsetof(struct engine_queue_metrics, member)

static const struct family flow_families[] = {
	{ "flow_tx_frames_total", "counter", "Frames that the device took", FLOW(tx.frames),
	  UNIT_COUNT },
	{ "flow_tx_bytes_total", "counter", "Their bytes, without FCS", FLOW(tx.bytes),
	  UNIT_COUNT },
	{ "flow_rx_frames_total", "counter", "Frames of the flow that arrived", FLOW(rx.frames),
	  UNIT_COUNT },
	{ "flow_rx_bytes_total", "counter", "Their bytes, without FCS", FLOW(rx.bytes),
	  UNIT_COUNT },
	{ "flow_lost_frames", "gauge", "Frames that are missing so far", FLOW(order.lost),
	  UNIT_COUNT },
	{ "flow_duplicate_frames_total", "counter", "Frames that came again",
	  FLOW(order.duplicates), UNIT_COUNT },
	{ "flow_reordered_frames_total", "counter", "Frames that a later one overtook",
	  FLOW(order.reordered), UNIT_COUNT },
	{ "flow_damaged_frames_total", "counter", "Frames with payload or checksum not as sent",
	  FLOW(order.damaged), UNIT_COUNT },
	{ "flow_queue_full_total", "counter", "Times that the queue was full", FLOW(full),
	  UNIT_COUNT },
	{ "flow_slipped_seconds_total", "counter", "Time of the schedule that was skipped",
	  FLOW(slipped_s), UNIT_NUMBER },
	{ "flow_jitter_seconds", "gauge", "Interarrival jitter (RFC 3550)", FLOW(jitter),
	  UNIT_SECONDS },
};

static const struct family port_families[] = {
	{ "port_tx_frames_total", "counter", "Frames that the device took", PORT(tx.frames),
	  UNIT_COUNT },
	{ "port_tx_bytes_total", "counter", "Their bytes, without FCS", PORT(tx.bytes),
	  UNIT_COUNT },
	{ "port_rx_frames_total", "counter", "Frames that arrived", PORT(rx.frames), UNIT_COUNT },
	{ "port_rx_bytes_total", "counter", "Their bytes, without FCS", PORT(rx.bytes),
	  UNIT_COUNT },
	{ "port_rx_own_frames_total", "counter", "Of them, frames of a flow", PORT(own.frames),
	  UNIT_COUNT },
	{ "port_tx_completed_total", "counter", "Frames that the device has completed",
	  PORT(completed), UNIT_COUNT },
	{ "port_tx_queue_full_total", "counter", "Times that a transmit queue was full", PORT(full),
	  UNIT_COUNT },
	{ "port_rx_dropped_total", "counter",
	  "Frames that the driver dropped: reported wrongly by the device", PORT(dropped),
	  UNIT_COUNT },
	{ "port_rx_starved_total", "counter", "Times that the device had no receive buffer",
	  PORT(starved), UNIT_COUNT },
};

static const struct family queue_families[] = {
	{ "queue_tx_frames_total", "counter", "Frames that the queue sent", QUEUE(tx.frames), UNIT_COUNT },
	{ "queue_rx_frames_total", "counter", "Frames that it received", QUEUE(rx.frames), UNIT_COUNT },
};

#define FAMILIES(list) (list), sizeof(list) / sizeof((list)[0])

/* Names are quoted in labels: backslash, quote and newline have an escape; what is too long is cut. */
static const char *prometheus_label(const char *name, char label[LABEL_MAX])
{
	size_t at = 0;

	for (name = clean(name); *name != '\0' && at < LABEL_MAX - 3; name++) {
		if (*name == '\\' || *name == '"')
			label[at++] = '\\';
		label[at++] = *name;
	}
	while (at > 0 && *name != '\0' && ((unsigned char)label[at - 1] & 0x80) != 0)
		at--; /* no half of a character */
	label[at] = '\0';
	return label;
}

static void prometheus_head(FILE *file, const char *name, const char *type, const char *help)
{
	fprintf(file, "# HELP " PREFIX "%s %s.\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void prometheus_value(FILE *file, const struct family *family, const void *object)
{
	const char *at = (const char *)object + family->offset;

	if (family->unit == UNIT_COUNT)
		fprintf(file, " %" PRIu64 "\n", *(const uint64_t *)(const void *)at);
	else
		fprintf(file, " %.9g\n",
			*(const double *)(const void *)at / (family->unit == UNIT_SECONDS ? 1e9 : 1));
}

/* The labels of object `number`, in braces. */
typedef void label_writer(FILE *file, const struct generator *generator,
			  const struct engine_metrics *metrics, size_t number, const char *more);

static void prometheus_flow_labels(FILE *file, const struct generator *generator,
				   const struct engine_metrics *metrics, size_t number,
				   const char *more)
{
	const struct traffic *traffic = generator->traffic;
	const char *port = ""; /* with --rx-only: of all */
	char label[LABEL_MAX];

	if (number < traffic->flows)
		port = traffic->port[traffic->flow[number].tx_port].name;
	fprintf(file, "{flow=\"%s\"", prometheus_label(metrics->flow[number].name, label));
	fprintf(file, ",port=\"%s\"%s}", prometheus_label(port, label), more);
}

static void prometheus_port_labels(FILE *file, const struct generator *generator,
				   const struct engine_metrics *metrics, size_t number,
				   const char *more)
{
	char label[LABEL_MAX];

	(void)generator;
	fprintf(file, "{port=\"%s\"%s}", prometheus_label(metrics->port[number].name, label), more);
}

static void prometheus_queue_labels(FILE *file, const struct generator *generator,
				    const struct engine_metrics *metrics, size_t number,
				    const char *more)
{
	const struct engine_queue_metrics *queue = &metrics->queue[number];
	char label[LABEL_MAX];

	(void)generator;
	fprintf(file, "{port=\"%s\",queue=\"%u\"%s}",
		prometheus_label(metrics->port[queue->port].name, label), queue->queue, more);
}

static void prometheus_families(FILE *file, const struct generator *generator,
				const struct engine_metrics *metrics, const struct family *family,
				size_t families, const void *objects, size_t size, size_t count,
				label_writer *labels)
{
	for (size_t i = 0; i < families; i++) {
		prometheus_head(file, family[i].name, family[i].type, family[i].help);
		for (size_t j = 0; j < count; j++) {
			fprintf(file, PREFIX "%s", family[i].name);
			labels(file, generator, metrics, j, "");
			prometheus_value(file, &family[i], (const char *)objects + j * size);
		}
	}
}

/* ---- what is no plain member ---- */

static void prometheus_summary(FILE *file, const struct generator *generator,
			       const struct engine_metrics *metrics, size_t number,
			       const char *name, const struct engine_latency *of)
{
	const struct {
		const char *quantile;
		uint64_t ns;
	} points[] = {
		{ ",quantile=\"0\"", of->min },
		{ ",quantile=\"0.5\"", of->p50 },
		{ ",quantile=\"0.9\"", of->p90 },
		{ ",quantile=\"0.99\"", of->p99 },
		{ ",quantile=\"0.999\"", of->p999 },
		{ ",quantile=\"1\"", of->max },
	};

	for (size_t i = 0; of->count != 0 && i < sizeof(points) / sizeof(points[0]); i++) {
		fprintf(file, PREFIX "%s", name);
		prometheus_flow_labels(file, generator, metrics, number, points[i].quantile);
		fprintf(file, " %.9g\n", (double)points[i].ns / 1e9);
	}
	fprintf(file, PREFIX "%s_sum", name);
	prometheus_flow_labels(file, generator, metrics, number, "");
	fprintf(file, " %.9g\n" PREFIX "%s_count", of->average * (double)of->count / 1e9, name);
	prometheus_flow_labels(file, generator, metrics, number, "");
	fprintf(file, " %" PRIu64 "\n", of->count);
}

static void prometheus_summaries(FILE *file, const struct generator *generator,
				 const struct engine_metrics *metrics)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} kinds[] = {
		{ "flow_latency_seconds", "From handing to the device to arrival", FLOW(latency) },
		{ "flow_interarrival_seconds", "Gaps between received frames", FLOW(arrival) },
		{ "flow_interdeparture_seconds", "Gaps between sent frames", FLOW(departure) },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		prometheus_head(file, kinds[i].name, "summary", kinds[i].help);
		for (size_t j = 0; j < metrics->flows; j++) {
			const char *flow = (const char *)&metrics->flow[j];

			prometheus_summary(file, generator, metrics, j, kinds[i].name,
					   (const void *)(flow + kinds[i].offset));
		}
	}
}

static void prometheus_states(FILE *file, const struct generator *generator,
			      const struct engine_metrics *metrics)
{
	prometheus_head(file, "flow_sending", "gauge", "1 while the flow is being sent");
	for (size_t i = 0; i < metrics->flows; i++) {
		fputs(PREFIX "flow_sending", file);
		prometheus_flow_labels(file, generator, metrics, i, "");
		fprintf(file, " %d\n",
			metrics->flow[i].sending && metrics->flow[i].state == ENGINE_STARTED);
	}
	prometheus_head(file, "port_link_up", "gauge", "1 while the link is up");
	for (size_t i = 0; i < metrics->ports; i++) {
		fputs(PREFIX "port_link_up", file);
		prometheus_port_labels(file, generator, metrics, i, "");
		fprintf(file, " %d\n", metrics->port[i].link_up);
	}
}

static void prometheus_write(FILE *file, const struct generator *generator)
{
	const struct engine_metrics *metrics =
		generator->engine != NULL ? engine_metrics(generator->engine) : NULL;

	prometheus_head(file, "info", "gauge", "Always 1; its label is the version");
	fprintf(file, PREFIX "info{version=\"%s\"} 1\n", VIONET_VERSION);
	if (metrics == NULL)
		return;
	prometheus_families(file, generator, metrics, FAMILIES(flow_families), metrics->flow,
			    sizeof(*metrics->flow), metrics->flows, prometheus_flow_labels);
	prometheus_families(file, generator, metrics, FAMILIES(port_families), metrics->port,
			    sizeof(*metrics->port), metrics->ports, prometheus_port_labels);
	prometheus_families(file, generator, metrics, FAMILIES(queue_families), metrics->queue,
			    sizeof(*metrics->queue), metrics->queues, prometheus_queue_labels);
	prometheus_summaries(file, generator, metrics);
	prometheus_states(file, generator, metrics);
}

void api_get_prometheus(const struct api_request *request, struct api_reply *reply)
{
	FILE *file = open_memstream(&reply->text, &reply->length);
	bool whole;

	if (file != NULL)
		prometheus_write(file, request->generator);
	whole = file != NULL && !ferror(file);
	if ((file != NULL && fclose(file) != 0) || !whole) {
		reply->internal = true;
		api_refuse(reply, 503, "no memory");
		return;
	}
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	reply->status = 200;
}
