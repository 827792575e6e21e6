/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/forward/ports.h"

#include <vionet/error.h>

#define QUEUE_SIZE_DEFAULT 256u
/* Buffers of the smallest size that hold the longest frame; a queue of fewer entries may have
 * no room for it. */
#define LONGEST_PARTS 34u
#define BUFFER_DEFAULT 1984u
#define MTU_DEFAULT 1500u
#define ETHERNET_AND_TAG 18u

/* What a device may give us, if all others can send it. */
static const struct {
	const char *sends, *receives;
	unsigned int offload;
} port_features[] = {
	{ "CSUM", "GUEST_CSUM", PORT_CHECKSUM },
	{ "HOST_TSO4", "GUEST_TSO4", PORT_TCP4 },
	{ "HOST_TSO6", "GUEST_TSO6", PORT_TCP6 },
	{ "HOST_ECN", "GUEST_ECN", PORT_TCP_ECN },
	{ "HOST_USO", "GUEST_USO4", PORT_UDP },
	{ "HOST_USO", "GUEST_USO6", PORT_UDP },
};

#define PORT_FEATURES (sizeof(port_features) / sizeof(port_features[0]))

static bool port_has(const struct vionet_device_info *info, const char *feature)
{
	return vionet_feature_test(&info->negotiated, (unsigned int)vionet_feature_bit(feature));
}

static int port_info(struct port *port, struct vionet_device_info *info)
{
	int result;

	*info = (struct vionet_device_info){ .struct_size = sizeof(*info) };
	result = vionet_device_info(port->session.device, info);
	if (result == 0)
		return CODE_OK;
	say_error(result);
	return session_fail(&port->session, code_of_run(result));
}

/* ---- offloads ---- */

/* Of the offloads in `allowed`, and not of others, the device may make use. */
static void port_prefer(struct port *port, unsigned int allowed)
{
	port->options.prefer = (struct vionet_features){ { 0 } };
	for (size_t i = 0; i < PORT_FEATURES; i++) {
		unsigned int bit = (unsigned int)vionet_feature_bit(port_features[i].receives);

		if (port_features[i].offload & allowed)
			port->options.prefer.word[bit / 64] |= 1ULL << (bit % 64);
	}
}

/* What it was negotiated to give us. */
static unsigned int port_gives(const struct vionet_device_info *info)
{
	unsigned int gives = 0;

	for (size_t i = 0; i < PORT_FEATURES; i++)
		if (port_has(info, port_features[i].receives))
			gives |= port_features[i].offload;
	return gives;
}

static unsigned int port_sends(const struct vionet_device_info *info)
{
	unsigned int sends = 0;

	for (size_t i = 0; i < PORT_FEATURES; i++)
		if (port_has(info, port_features[i].sends))
			sends |= port_features[i].offload;
	return sends;
}

/* What all others can send. Checksums are completed here if need be. */
static unsigned int ports_others_send(const struct ports *ports, unsigned int index)
{
	unsigned int sends = ~0u;

	for (unsigned int i = 0; i < ports->count; i++)
		if (i != index)
			sends &= ports->port[i].sends;
	return sends | PORT_CHECKSUM;
}

static int port_open(struct port *port)
{
	struct vionet_device_info info;

	if (session_open(&port->session, &port->options, "forward") != CODE_OK ||
	    port_info(port, &info) != CODE_OK)
		return port->session.code;
	port->sends = port_sends(&info);
	return CODE_OK;
}

/* A device that would give what others cannot send is opened anew, without that: not each
 * can switch an offload off by a command. So is one that would need buffers of 64 KiB for it. */
static int ports_agree(struct ports *ports, unsigned int index)
{
	unsigned int allowed = ports_others_send(ports, index);
	struct port *port = &ports->port[index];
	struct vionet_device_info info;

	if (port_info(port, &info) != CODE_OK)
		return port->session.code;
	if (!port_has(&info, "MRG_RXBUF"))
		allowed = PORT_CHECKSUM;
	if ((port_gives(&info) & ~allowed) == 0)
		return CODE_OK;
	port_prefer(port, allowed);
	if (session_close(&port->session) != CODE_OK)
		return port->session.code;
	return port_open(port);
}

static void ports_say_mtus(const struct ports *ports)
{
	struct vionet_device_info first, info;

	for (unsigned int i = 0; i < ports->count; i++) {
		info = (struct vionet_device_info){ .struct_size = sizeof(info) };
		if (vionet_device_info(ports->port[i].session.device, &info) != 0)
			return;
		if (i == 0)
			first = info;
		else if (info.mtu != 0 && first.mtu != 0 && info.mtu != first.mtu)
			say("%s has an MTU of %u and %s one of %u: longer frames are lost there",
			    ports->port[i].session.name, info.mtu, ports->port[0].session.name,
			    first.mtu);
	}
}

int ports_open(struct ports *ports, uint32_t queue_size)
{
	/* A short queue may have no room for the longest frame. */
	unsigned int wanted = queue_size != 0 && queue_size < LONGEST_PARTS ? PORT_CHECKSUM : ~0u;
	int code = CODE_OK;

	for (unsigned int i = 0; i < ports->count && code == CODE_OK; i++) {
		port_prefer(&ports->port[i], wanted);
		code = port_open(&ports->port[i]);
	}
	for (unsigned int i = 0; i < ports->count && code == CODE_OK; i++)
		code = ports_agree(ports, i);
	if (code == CODE_OK)
		ports_say_mtus(ports);
	return code;
}

/* ---- the pool, and starting ---- */

/* A device without merged buffers receives each frame into one. */
static uint32_t ports_buffer_size(struct ports *ports)
{
	uint32_t size = BUFFER_DEFAULT;

	for (unsigned int i = 0; i < ports->count; i++) {
		struct vionet_device_info info;
		const struct settings *settings = &ports->port[i].options.settings;
		uint32_t longest;

		if (port_info(&ports->port[i], &info) != CODE_OK)
			continue;
		longest = settings->have[SETTING_MTU] ? settings->mtu : info.mtu != 0 ? info.mtu
										      : MTU_DEFAULT;
		longest += ETHERNET_AND_TAG;
		if (!port_has(&info, "MRG_RXBUF") && longest > size)
			size = longest;
	}
	return size;
}

/* One pool for all: to fill every queue, and what waits. False: it cannot be; why is in the
 * library's text. */
static bool ports_share(struct ports *ports, uint32_t queue_size, struct vionet_pool **pool)
{
	const struct vionet_pool_options options = {
		.struct_size = sizeof(options),
		.count = ports->count * (2 * queue_size + PORT_WAITING_MAX / 2),
		.buffer_size = ports_buffer_size(ports),
	};

	if (vionet_pool_create(ports->port[0].session.device, &options, pool) != 0)
		return false;
	for (unsigned int i = 1; i < ports->count; i++) {
		if (vionet_pool_share(*pool, ports->port[i].session.device,
				      VIONET_DEVICE_WRITES) == 0)
			continue;
		say("frames are copied: %s", vionet_error_text());
		vionet_pool_destroy(*pool);
		return false;
	}
	return true;
}

static int port_start(struct port *port, const struct vionet_start_options *start)
{
	struct vionet_queue_info info = { .struct_size = sizeof(info) };

	if (session_start(&port->session, start) != CODE_OK)
		return port->session.code;
	if (session_apply(&port->session) != CODE_OK)
		return port->session.code;
	port->pool = vionet_queue_pool(port->session.tx);
	port->segments_max = 1;
	if (vionet_device_queue_info(port->session.device, 1, &info) == 0)
		port->segments_max = info.segments_max;
	return CODE_OK;
}

int ports_start(struct ports *ports, uint32_t queue_size, unsigned int flags)
{
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = flags,
		.rx_queue_size = queue_size,
		.tx_queue_size = queue_size,
	};
	struct vionet_pool *pool = NULL;
	int code = CODE_OK;

	ports->shared = ports_share(ports, queue_size != 0 ? queue_size : QUEUE_SIZE_DEFAULT,
				    &pool);
	if (ports->shared)
		start.rx_pool = start.tx_pool = pool;
	for (unsigned int i = 0; i < ports->count && code == CODE_OK; i++)
		code = port_start(&ports->port[i], &start);
	return code;
}

int ports_close(struct ports *ports)
{
	int code = CODE_OK;

	for (unsigned int i = 0; i < ports->count; i++) {
		struct session *session = &ports->port[i].session;
		int closed = session->device != NULL ? session_close(session) : session->code;

		if (code == CODE_OK)
			code = closed;
	}
	return code;
}
