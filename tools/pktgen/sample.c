/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/sample.h"

#include "tools/pktgen/pktgen.h"

static uint64_t sample_load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static void sample_store(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

struct pktgen_sample pktgen_sample_of(const struct pktgen *gen, uint64_t now)
{
	return (struct pktgen_sample){
		.at_ns = now,
		.tx_frames = gen->tx.frames,
		.tx_bytes = gen->tx.bytes,
		.rx_frames = gen->rx.frames,
		.rx_bytes = gen->rx.bytes,
		.own_frames = gen->own.frames,
		.latency_max_ns = gen->latency.max,
	};
}

static void sample_publish_stream(struct pktgen *gen, unsigned int stream,
				  const struct tracker *tracker)
{
	struct pktgen_published *to = gen->published;

	if (!tracker->started)
		return;
	__atomic_store_n(&to->stream[stream].first, tracker->first, __ATOMIC_RELAXED);
	__atomic_store_n(&to->stream[stream].next, tracker->next, __ATOMIC_RELAXED);
	__atomic_store_n(&to->stream[stream].unique, tracker->unique, __ATOMIC_RELAXED);
	__atomic_store_n(&to->stream[stream].started, 1, __ATOMIC_RELAXED);
}

/* A sample is one moment: a reader beside the writer sees the one before. */
static void sample_publish(struct pktgen *gen, uint64_t now)
{
	struct pktgen_sample sample = pktgen_sample_of(gen, now);
	uint64_t version = gen->published->version + 1;
	struct pktgen_sample *to = &gen->published->sample[version % 2];

	sample_store(&to->at_ns, sample.at_ns);
	sample_store(&to->tx_frames, sample.tx_frames);
	sample_store(&to->tx_bytes, sample.tx_bytes);
	sample_store(&to->rx_frames, sample.rx_frames);
	sample_store(&to->rx_bytes, sample.rx_bytes);
	sample_store(&to->own_frames, sample.own_frames);
	sample_store(&to->latency_max_ns, sample.latency_max_ns);
	sample_store(&gen->published->version, version);
}

void pktgen_publish(struct pktgen *gen, uint64_t now)
{
	sample_publish(gen, now);
	__atomic_store_n(&gen->published->code, gen->session.code, __ATOMIC_RELAXED);
	if (gen->stream != PKTGEN_ANY_STREAM)
		sample_publish_stream(gen, (unsigned int)gen->stream, &gen->tracker);
	for (unsigned int i = 0; i < PKTGEN_STREAMS; i++)
		if (gen->other[i] != NULL)
			sample_publish_stream(gen, i, gen->other[i]);
	gen->publish_ns = now + PKTGEN_PUBLISH_NS;
}

struct pktgen_sample pktgen_sample_load(const struct pktgen_published *from)
{
	struct pktgen_sample sample;
	uint64_t version;

	do {
		const struct pktgen_sample *at;

		version = sample_load(&from->version);
		at = &from->sample[version % 2];
		sample = (struct pktgen_sample){
			.at_ns = sample_load(&at->at_ns),
			.tx_frames = sample_load(&at->tx_frames),
			.tx_bytes = sample_load(&at->tx_bytes),
			.rx_frames = sample_load(&at->rx_frames),
			.rx_bytes = sample_load(&at->rx_bytes),
			.own_frames = sample_load(&at->own_frames),
			.latency_max_ns = sample_load(&at->latency_max_ns),
		};
	} while (sample_load(&from->version) != version);
	return sample;
}

void pktgen_stream_join(const struct pktgen_published *published, unsigned int stream,
			struct tracker *sum)
{
	uint64_t first = sample_load(&published->stream[stream].first);
	uint64_t next = sample_load(&published->stream[stream].next);

	if (!__atomic_load_n(&published->stream[stream].started, __ATOMIC_RELAXED))
		return;
	if (!sum->started || (int64_t)(first - sum->first) < 0)
		sum->first = first;
	if (!sum->started || (int64_t)(next - sum->next) > 0)
		sum->next = next;
	sum->started = 1;
	sum->unique += sample_load(&published->stream[stream].unique);
}

uint64_t pktgen_stream_unique(const struct pktgen_published *published,
			      unsigned int stream)
{
	return sample_load(&published->stream[stream].unique);
}
