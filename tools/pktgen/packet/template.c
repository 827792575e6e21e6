/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums are not computed over the frame. The sum of what does not change is known, the payload's is a table's
 * entry or the difference of two, the signature's is constant, and each field that changes adds itself: the
 * price does not grow with the frame.
 */
#include "tools/pktgen/packet/template_private.h"

#include <string.h>

__extension__ typedef unsigned __int128 template_u128;

uint32_t template_headers(const struct template *template)
{
	return template->headers;
}

uint32_t template_size_max(const struct template *template)
{
	return template->size_max;
}

double template_size_mean(const struct template *template)
{
	return template->size_mean;
}

const struct template_offload *template_offload(const struct template *template)
{
	return &template->offload;
}

bool template_is_constant(const struct template *template)
{
	return template->ops == 0 && template->sums == 0 && !template->body_changes && !template->varies;
}

uint32_t template_padded(const struct template *template, uint32_t size)
{
	return size < template->padded_min ? template->padded_min : size;
}

static uint32_t template_weighted(const struct template *template, uint64_t n)
{
	uint64_t drawn = template_hash(template->size_seed, n);
	uint32_t i = 0;

	while (i < template->limits - 1 && drawn >= template->limit[i].below)
		i++;
	return template->limit[i].size;
}

uint32_t template_size(const struct template *template, uint64_t n)
{
	switch (template->size_kind) {
	case TRAFFIC_SIZE_INCREMENT:
		return template->size_min +
		       (uint32_t)template_modulo(&template->size_count, n) * template->size_step;
	case TRAFFIC_SIZE_RANDOM:
		return template->size_min +
		       (uint32_t)template_draw(template_hash(template->size_seed, n),
					       template->size_max - template->size_min + 1);
	case TRAFFIC_SIZE_WEIGHTS:
		return template_weighted(template, n);
	default:
		return template->size_min;
	}
}

uint32_t template_signatures(const struct template *template, uint32_t size)
{
	uint32_t payload = size - template->headers;

	if (!template->track || payload < SIGNATURE_SIZE)
		return 0;
	if (template->segment_size == 0)
		return 1;
	return (payload + template->segment_size - 1) / template->segment_size;
}

uint32_t template_signature_at(const struct template *template, uint32_t size, uint32_t i)
{
	uint32_t end = size;

	if (template->segment_size != 0 && i + 1 < template_signatures(template, size))
		end = template->headers + (i + 1) * template->segment_size;
	return end - SIGNATURE_SIZE;
}

uint64_t template_payload_sum(const struct template *template, uint32_t size, uint64_t sequence)
{
	uint32_t length = template_payload(template, size);
	uint64_t sum;

	if (template->numbered)
		sum = payload_sum(&template->numbers, length, sequence);
	else
		sum = template->body_before ? template->body_before[length] : sum_bytes(template->body, length);
	if (length != size - template->headers)
		sum += (uint64_t)SIGNATURE_SUM << (length & 1 ? 8 : 0);
	return sum;
}

/* Blocks of numbered payload, each in front of a signature of its own. */
static void template_number(const struct template *template, uint8_t *frame, uint32_t size, uint64_t sequence)
{
	uint32_t at = template->headers;
	uint32_t signatures = template_signatures(template, size);

	if (signatures == 0) {
		payload_number(frame + at, size - at, sequence);
		return;
	}
	for (uint32_t i = 0; i < signatures; i++) {
		uint32_t end = template_signature_at(template, size, i);

		payload_number(frame + at, end - at, sequence + i);
		at = end + SIGNATURE_SIZE;
	}
}

static uint64_t template_wide_value(const struct template_op *op, uint64_t i)
{
	const struct template_wide *wide = op->wide;
	template_u128 value = (template_u128)i * wide->step;

	if (wide->random) {
		value = (template_u128)template_hash(op->seed, i) << 64 | template_hash(~op->seed, i);
		if (wide->step)
			value %= wide->step;
	}
	value += wide->start;
	return (uint64_t)(wide->upper ? value >> 64 : value);
}

uint64_t template_value(const struct template_op *op, uint64_t n, uint32_t size)
{
	uint64_t i = template_modulo(&op->divisor, n);

	switch (op->kind) {
	case OP_LENGTH:
		return (op->start + size) & op->mask;
	case OP_STEP:
		return (op->start + i * op->step) & op->mask;
	case OP_VALUES:
		return op->values[i];
	case OP_RANDOM:
		return op->start + template_draw(template_hash(op->seed, i), op->step);
	default:
		return template_wide_value(op, i);
	}
}

/* Next to bits of others. */
static void template_merge(const struct template_op *op, uint8_t *at, uint64_t value)
{
	uint64_t keep = ~(op->mask << op->shift);

	value <<= op->shift;
	if (op->unit == 1)
		*at = (uint8_t)((*at & keep) | value);
	else if (op->unit == 2)
		bytes_put16(at, (uint32_t)((bytes_get16(at) & keep) | value));
	else if (op->unit == 4)
		bytes_put32(at, (uint32_t)((bytes_get32(at) & keep) | value));
	else
		bytes_put64(at, (bytes_get64(at) & keep) | value);
}

static uint64_t template_general(const struct template_op *op, uint8_t *frame, uint64_t n, uint32_t size)
{
	uint64_t value = template_value(op, n, size);
	uint8_t *at = frame + op->at;

	if (op->merge)
		template_merge(op, at, value);
	else if (op->unit == 4)
		bytes_put32(at, (uint32_t)value);
	else if (op->unit == 2)
		bytes_put16(at, (uint32_t)value);
	else if (op->unit == 8)
		bytes_put64(at, value);
	else if (op->unit == 1)
		*at = (uint8_t)value;
	return sum_halve(value);
}

/* Writes a field; returns what it adds to sums. The usual kinds are short. */
static inline uint64_t template_op(const struct template_op *op, uint8_t *frame, uint64_t n, uint32_t size)
{
	uint32_t value;

	if (op->kind > OP_STEP32)
		return template_general(op, frame, n, size);
	value = (uint32_t)(op->start + template_modulo(&op->divisor, n) * op->step);
	if (op->kind == OP_STEP16)
		bytes_put16(frame + op->at, value);
	else
		bytes_put32(frame + op->at, value);
	return value;
}

static inline void template_add(const struct template *template, uint64_t *sum, uint32_t term, uint32_t terms,
				uint64_t value)
{
	const struct template_term *at = template->term + term;

	for (; terms > 0; terms--, at++)
		sum[at->sum] += value << at->shift;
}

/* Ops with the same terms come one after the other, the last one has them. */
static inline void template_ops(const struct template *template, uint8_t *frame, uint64_t *sum, uint64_t n,
				uint32_t size)
{
	uint64_t pending = 0;

	for (uint32_t i = 0; i < template->ops; i++) {
		const struct template_op *op = &template->op[i];

		pending += template_op(op, frame, n, size);
		if (op->terms) {
			template_add(template, sum, op->term, op->terms, pending);
			pending = 0;
		}
	}
}

static inline void template_sums(const struct template *template, uint8_t *frame, uint64_t *value)
{
	for (uint32_t i = 0; i < template->sums; i++) {
		const struct template_sum *sum = &template->sum[i];
		uint32_t checksum = template_checksum(sum, value[i]);

		bytes_put16(frame + sum->at, checksum);
		if (sum->terms)
			template_add(template, value, sum->term, sum->terms,
				     sum->partial ? checksum ^ 0xffff : checksum);
	}
}

static void template_fill(const struct template *template, uint8_t *frame, uint32_t size, uint64_t sequence)
{
	if (template->numbered)
		template_number(template, frame, size, sequence);
	else
		bytes_copy(frame + template->headers, template->body, size - template->headers);
}

static void template_start_sums(const struct template *template, uint64_t *sum, uint32_t size, uint64_t sequence)
{
	uint64_t payload = 0;

	if (template->payload_sums)
		payload = template->varies ? template_payload_sum(template, size, sequence)
					   : template->number_sums[sequence & 0xff];
	for (uint32_t i = 0; i < template->sums; i++) {
		const struct template_sum *of = &template->sum[i];

		sum[i] = of->base + (of->payload ? payload << of->payload_shift : 0);
	}
}

uint32_t template_build(const struct template *template, uint8_t *frame, uint32_t size, uint64_t n,
			uint64_t sequence, bool fresh)
{
	uint64_t sum[TEMPLATE_SUMS_MAX];
	uint32_t padded = template_padded(template, size);

	if (fresh)
		memcpy(frame, template->head, template->headers);
	if (fresh || template->body_changes)
		template_fill(template, frame, size, sequence);
	if (padded > size && (fresh || template->varies))
		memset(frame + size, 0, padded - size);
	template_start_sums(template, sum, size, sequence);
	template_ops(template, frame, sum, n, size);
	template_sums(template, frame, sum);
	return padded;
}
