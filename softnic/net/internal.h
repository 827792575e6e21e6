/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the network half know of each other: its state, and the steps of a
 * frame's way through them.
 *
 * A transmitted frame: transmit.c takes the buffer, header.c reads the virtio header and
 * checks.c checks it, offload.c does what the peer does not take, peer_ops.send. A received
 * one (receive.c): filter.c, offload.c (what the driver does not take) or coalesce.c (what
 * it takes larger); place.c: steer.c chooses the queue, its buffers are filled.
 */
#ifndef SOFTNIC_NET_PARTS_H
#define SOFTNIC_NET_PARTS_H

#include <string.h>

#include "softnic/clock.h"
#include "softnic/device.h"
#include "softnic/net/net.h"
#include "softnic/peer/peer.h"
#include "softnic/ring/ring.h"

#define ETH_HEADER 14u
#define ETH_MIN 14u
#define VLAN_TAG 4u
#define FRAME_MAX 65589u /* "Setting Up Receive Buffers" */

#define KEY_MAX 40u
#define TABLE_MAX 128u
#define CONTEXTS_MAX 4u
#define MAC_TABLE_MAX 64u

/* Hash and tunnel types that the device can do: every one of the specification. */
#define HASH_TYPES 0x1ffu
#define TUNNEL_TYPES 0x1ffu

#define SECOND 1000000000ull

/* ---- bytes ---- */

static inline uint16_t net_le16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t net_le32(const uint8_t *from)
{
	return net_le16(from) | (uint32_t)net_le16(from + 2) << 16;
}

static inline uint64_t net_le64(const uint8_t *from)
{
	return net_le32(from) | (uint64_t)net_le32(from + 4) << 32;
}

static inline uint16_t net_be16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t net_be32(const uint8_t *from)
{
	return (uint32_t)net_be16(from) << 16 | net_be16(from + 2);
}

static inline void net_put_le16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static inline void net_put_le32(uint8_t *to, uint32_t value)
{
	net_put_le16(to, value);
	net_put_le16(to + 2, value >> 16);
}

static inline void net_put_le64(uint8_t *to, uint64_t value)
{
	net_put_le32(to, (uint32_t)value);
	net_put_le32(to + 4, (uint32_t)(value >> 32));
}

static inline void net_put_be16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static inline void net_put_be32(uint8_t *to, uint32_t value)
{
	net_put_be16(to, value >> 16);
	net_put_be16(to + 2, value);
}

/* ---- packet.c: what is in a frame ---- */

enum { PROTO_IPIP = 4, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_IP6IP = 41, PROTO_GRE = 47 };

/* One IP packet, and what it carries. Offsets count from the frame's start. */
struct packet {
	uint32_t network;	/* IP header */
	uint32_t transport;	/* what follows it and its options; 0: not there */
	uint32_t payload;	/* behind the TCP/UDP header; 0: neither */
	uint8_t version;	/* 4, 6; 0: no IP */
	uint8_t protocol;	/* of what is at `transport` */
	bool extended;		/* IPv6 with extension headers */
	bool fragment;		/* not whole: no transport header is looked for */
	uint32_t home, route;	/* addresses in extension headers; 0: none */
	uint32_t next_at;	/* IPv6: the byte that names `protocol` */
};

/* Look at a frame's first `length` bytes in one piece. Never reads past them. */
void packet_parse(const uint8_t *frame, uint32_t length, struct packet *packet);
/* The same for an IP packet that begins at `offset`, of either version. */
void packet_parse_ip(const uint8_t *frame, uint32_t length, uint32_t offset,
		     struct packet *packet);

/* Sum of 16-bit words as the Internet checksum wants it (RFC 1071), not folded. */
uint64_t sum_add(uint64_t sum, const uint8_t *data, size_t length);
uint16_t sum_fold(uint64_t sum);
/* Sum of the pseudo header for `length` bytes of transport header and payload. */
uint64_t sum_pseudo(const uint8_t *frame, const struct packet *packet,
		    uint32_t length);
/* Is the TCP or UDP checksum of a whole packet right? 1 yes, 0 no, -1 there is none
 * to check. */
int packet_checksum(const uint8_t *frame, uint32_t length,
		    const struct packet *packet);

/* Copy the first `size` bytes of a frame in pieces; returns how many there were. */
uint32_t frame_copy(const struct frame *frame, uint32_t offset, void *to,
		    uint32_t size);

/* ---- offload.c: checksums completed, large packets cut ---- */

#define PIECE_ROOM (FRAME_MAX + 64u)

struct segments {
	uint8_t whole[PIECE_ROOM], piece[PIECE_ROOM];
	uint32_t length;	/* of `whole` */
	struct net_header header;
	unsigned int pair;
	struct packet outer, inner; /* `inner` is the one that is cut */
	uint32_t headers;	/* bytes that every segment repeats */
	uint32_t step;		/* bytes of payload a segment */
	unsigned int count;
	uint32_t identification; /* of IPv6 fragments */
	struct element part;	/* of the piece last made */
};

/*
 * Prepare to turn a frame with offloads pending into complete ones. Returns their
 * number, or -EINVAL if header and frame do not fit together.
 */
int segments_begin(struct segments *segments, const struct frame *frame);
/* Make the index-th; valid until the next call. */
void segments_make(struct segments *segments, unsigned int index,
		   struct frame *frame);

/*
 * Do header and frame fit together, so that a driver may get them as they are? Bytes of
 * all headers of a packet to be cut (of the Ethernet header for others); 0: no.
 */
uint32_t offload_headers(const struct frame *frame);

/* ---- coalesce.c: small packets made large (receive side coalescing) ---- */

struct coalesce {
	uint8_t data[PIECE_ROOM];
	uint32_t length;	/* 0: nothing is held */
	struct packet packet;
	uint32_t next_sequence;
	uint16_t step;		/* payload of each but the last */
	uint16_t count, duplicates;
	unsigned int pair;
	bool closed;		/* the last one ended the run */
};

/* ---- steer.c ---- */

struct rss {
	uint32_t types;
	uint16_t mask, unclassified, table[TABLE_MAX];
	uint8_t key[KEY_MAX], key_length;
};

struct hash {
	uint32_t value;
	uint16_t report; /* 0: not calculated */
};

/* Toeplitz hash of `length` bytes. */
uint32_t toeplitz(const uint8_t *key, size_t key_length, const uint8_t *data,
		  size_t length);

#define FLOWS 1024u /* entries of the flow table; a power of two */

/* ---- state ---- */

struct moderation { /* "Notifications Coalescing" */
	uint32_t max_packets, max_usecs;
};

struct counters {
	uint64_t packets, bytes, drops, overruns, malformed;
	uint64_t limited, limited_bytes; /* of the drops: --limit */
	uint64_t csum_valid, csum_needs, csum_none, csum_bad;
	uint64_t gso_packets, gso_bytes;
	uint64_t coalesced, coalesced_bytes; /* receive */
	uint64_t segments, segment_bytes;    /* transmit */
	uint64_t whole, whole_bytes;	     /* transmit: not cut */
};

struct net_queue {
	struct moderation moderation;
	uint32_t unnoticed;	/* packets since the last interrupt */
	uint64_t since;		/* when the first of them came */
	uint32_t fresh;		/* packets given and not yet visible */
	unsigned int segment;	/* of the buffer in hand, refused by the peer */
	bool started;
	bool again; /* the next frame of it was looked at, and had to wait */
	bool withheld;	 /* a buffer is: FAULT_TX_SOME_WITHHELD */
	uint64_t faulty; /* buffers that met that fault, or FAULT_RX_BUFFERS_KEPT */
	struct counters count;
};

enum steering { STEER_AUTOMATIC, STEER_RSS };

struct filter {
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	unsigned int unicasts, multicasts;
	bool unicast_overflow, multicast_overflow;
	uint8_t unicast[MAC_TABLE_MAX][6], multicast[MAC_TABLE_MAX][6];
	uint64_t vlan[4096 / 64];
};

struct net {
	struct device *device;
	struct peer *peer;

	/* configuration structure */
	uint8_t mac[6], permanent_mac[6]; /* before the driver changed it */
	bool link_up, announce;
	uint64_t announced;	/* when; 0: not */
	uint64_t announce_wait;	/* how long the driver may take to answer */
	uint32_t speed;
	uint8_t duplex;

	/* what was negotiated, in the form that the fast path wants */
	uint32_t header_size;
	uint32_t frame_limit;	/* longest frame that is no large packet */
	bool filtering, vlan_filtering, mergeable, hashing;
	uint64_t guest;		/* receive offloads that are on: bits of the mask */
	unsigned int rx_pairs, tx_pairs;
	bool queues_set;	/* VQ_PAIRS_SET or RSS_CONFIG was done */

	enum steering steering;
	struct rss rss;
	struct rss context[CONTEXTS_MAX];
	bool context_used[CONTEXTS_MAX];
	bool capability_read, stats_read;
	uint32_t tunnels;	/* enabled for the inner header hash */
	uint8_t flow[FLOWS];	/* pair + 1 that a flow was sent on; 0: unknown */

	/* Serve the control queue: for a frame that a command before it enables, as the
	 * commands are above the frames. */
	bool (*run_commands)(struct net *net);

	struct limit sent, received; /* of the two directions; a loop has the first */

	struct filter filter;
	struct net_queue queue[QUEUES_MAX];
	struct counters before[QUEUES_MAX]; /* of drivers that are gone */
	struct moderation both[2]; /* last TX_SET [1] and RX_SET [0] */
	uint64_t commands, commands_ok;
	uint64_t late;		/* when the answer that was put off is due; 0: none */
	bool link_differs;	/* from what the driver saw where the state came from */

	uint64_t faults;	    /* net_fault_bit() of each */
	unsigned int fault_changes; /* when those were looked up */
	uint64_t frames;	/* received so far: which of them a fault hits */
	uint64_t pieces;	/* that large packets were cut into */
	unsigned int receive_segment;
	uint64_t dirty;		/* queues with buffers given and not yet visible */
	uint64_t unnoticed;	/* queues whose interrupt may be put off */
	bool armed;		/* the driver is to ring: we were about to sleep */
	bool blocked;		/* the peer, or a queue without buffers, holds us up */
	bool refused;		/* it is the peer, which cannot tell when it is ready */
	unsigned int idle_polls; /* poll iterations in which the peer had nothing */
	struct segments *segments;
	struct coalesce *coalesce;
	bool stalled;		/* a buffer is withheld: FAULT_TX_FIRST_WITHHELD */
	uint64_t sampled;	/* frames whose checksums were looked at */
};

/* negotiate.c: receive offloads that the negotiated features permit, as a mask of the command. */
uint64_t net_offloads(const struct net *net);

static inline bool net_has(const struct net *net, enum feature bit)
{
	return features_have(&net->device->accepted, bit);
}

static inline struct queue *net_receive_queue(struct net *net, unsigned int pair)
{
	return &net->device->queue[2 * pair];
}

static inline struct net_queue *net_queue_of(struct net *net,
					     const struct queue *queue)
{
	return &net->queue[queue->index];
}

/* Bits of the receive offloads' mask ("Setting Offloads State"). */
enum { GO_CSUM = 1, GO_TSO4 = 7, GO_TSO6 = 8, GO_ECN = 9, GO_UFO = 10,
       GO_TUNNEL = 46, GO_TUNNEL_CSUM = 47, GO_USO4 = 54, GO_USO6 = 55 };

/* ---- header.c ---- */

uint32_t header_size(const struct features *accepted);
void header_read(const uint8_t *from, uint32_t size, struct net_header *header);
void header_write(uint8_t *to, uint32_t size, const struct net_header *header);
static inline bool net_header_plain(const struct net_header *header)
{
	return (header->flags | header->gso_type) == 0;
}

/* ---- checks.c ---- */

void check_features(struct net *net);
/* Check the virtio header of a transmitted frame. False: the device must not accept
 * the packet. */
bool check_header(struct net *net, const struct frame *frame);
void check_receive_buffer(struct net *net, struct queue *queue,
			  const struct buffer *buffer);

/* ---- transmit.c, receive.c, place.c ---- */

bool transmit_run(struct net *net, unsigned int pair, unsigned int budget);
/* Is receive offload `bit` of the mask on? */
static inline bool net_guest_takes(const struct net *net, unsigned int bit)
{
	return net->guest >> bit & 1;
}

bool receive_run(struct net *net, unsigned int budget);
/*
 * A frame for the driver, offloads perhaps pending. *progress is 0 at the first try
 * and is to be kept for the next if the result is -EAGAIN: no buffers, and the
 * device is lossless. 0: passed on, or lost.
 */
int receive_frame(struct net *net, const struct frame *frame,
		  unsigned int *progress);
/* Put one frame into the buffers of its queue: 0 done, -EAGAIN no buffers, -EINVAL
 * lost for another reason (counted). */
int receive_place(struct net *net, const struct frame *frame);

/* ---- fault/net.c: faults of fault/net.def ---- */

static inline uint64_t net_fault_bit(enum fault fault)
{
	return 1ull << (fault - FAULT_NET_BEGIN);
}

static inline bool net_fault(const struct net *net, enum fault fault)
{
	return __builtin_expect((net->faults & net_fault_bit(fault)) != 0, 0);
}

void faults_begin(struct net *net);
/* Spoil the header of a frame for the driver, or the frame in its buffer. */
void fault_header(struct net *net, struct net_header *header);
void fault_frame(struct net *net, const struct element *element);
/* Another length for the first buffer's used entry. */
void fault_late(struct net *net, struct queue *queue,
		const struct buffer *buffer);
struct queue *fault_queue(struct net *net, struct queue *queue);
void fault_keep(struct net *net, struct queue *queue);
/* Bytes of buffers that a frame is to take. */
uint32_t fault_room(const struct net *net, const struct frame *frame);
uint32_t fault_length(struct net *net, uint32_t length, uint32_t room);

/* ---- filter.c ---- */

bool filter_passes(struct net *net, const struct frame *frame);

/* ---- steer.c ---- */

void steer_hash(struct net *net, const struct frame *frame, struct hash *hash);
/* The receive queue pair of a frame; `hash` as steer_hash found it. */
unsigned int steer_choose(struct net *net, const struct frame *frame,
			  const struct hash *hash);
/* A frame went out on `pair`: its flow comes back there. */
void steer_learn(struct net *net, const struct frame *frame, unsigned int pair);

/* ---- coalesce.c ---- */

/* Take a complete frame into the packet that is held. False: it is nothing to hold
 * (flush, then place it yourself). */
bool coalesce_add(struct net *net, const struct frame *frame);
int coalesce_flush(struct net *net);

/* ---- moderate.c: interrupts that are put off ---- */

/* Show the driver what was given in every dirty queue. */
void moderate_flush(struct net *net);
void moderate_changed(struct net *net, struct queue *queue);
bool moderate_due(struct net *net);
int64_t moderate_deadline(const struct net *net);

/* ---- control.c, control_queues.c, stats.c: commands ---- */

struct command {
	struct net *net;
	uint8_t class, number;
	const uint8_t *data;
	uint32_t length;
	uint8_t *result;	/* room for it */
	uint32_t room, written;
};

bool control_run(struct net *net);
int64_t control_deadline(const struct net *net);
/* Is queue `index` the control queue, with commands that wait on purpose? */
bool control_waits(const struct net *net, unsigned int index);
/* Each returns whether the command was done (ack OK). */
bool command_mq(struct command *command);
bool command_rss_context(struct command *command);
bool command_hash_tunnel(struct command *command);
bool command_moderation(struct command *command);
bool command_stats(struct command *command);
bool command_filter_mode(struct command *command);
bool command_mac(struct command *command);
bool command_vlan(struct command *command);

/* Print counters (command "stats" of the control socket). */
void stats_print(const struct net *net, FILE *out);
void stats_totals(const struct net *net, FILE *out);

/* ---- config.c ---- */

/* Seconds that an announcement may be put off. */
#define ANNOUNCE_MOST 3600u

void config_begin(struct net *net);
void config_mac(struct net *net, const uint8_t *mac);
void config_link(struct net *net, bool up);
void config_announced(struct net *net);
bool announce_due(struct net *net);
int64_t announce_deadline(const struct net *net);

#endif
