/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of requests: their names and sizes, what has to be negotiated, who serves them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "softnic/vhost_user/internal.h"

#define NONE 64u

static const struct request_row {
	const char *name;
	uint16_t least, most; /* bytes of payload */
	uint8_t needs;	      /* feature of the protocol */
	int (*serve)(struct device *device, struct vhost_call *call);
} request_rows[] = {
#define ROW(request, least, most, needs, serve) \
	[REQUEST_##request] = { #request, least, most, needs, serve }
	ROW(GET_FEATURES, 0, 0, NONE, vhost_get_features),
	ROW(SET_FEATURES, 8, 8, NONE, vhost_set_features),
	ROW(SET_OWNER, 0, 0, NONE, vhost_set_owner),
	/* "No longer used": nothing happens. */
	ROW(RESET_OWNER, 0, 0, NONE, vhost_set_owner),
	ROW(SET_MEM_TABLE, 8, sizeof(struct memory_table), NONE, vhost_set_mem_table),
	ROW(SET_VRING_NUM, 8, 8, NONE, vhost_set_vring_num),
	ROW(SET_VRING_ADDR, 40, 40, NONE, vhost_set_vring_addr),
	ROW(SET_VRING_BASE, 8, 8, NONE, vhost_set_vring_base),
	ROW(GET_VRING_BASE, 8, 8, NONE, vhost_get_vring_base),
	ROW(SET_VRING_KICK, 8, 8, NONE, vhost_set_vring_kick),
	ROW(SET_VRING_CALL, 8, 8, NONE, vhost_set_vring_call),
	ROW(SET_VRING_ERR, 8, 8, NONE, vhost_set_vring_err),
	ROW(GET_PROTOCOL_FEATURES, 0, 0, NONE, vhost_get_protocol_features),
	ROW(SET_PROTOCOL_FEATURES, 8, 8, NONE, vhost_set_protocol_features),
	ROW(GET_QUEUE_NUM, 0, 0, PROTOCOL_MQ, vhost_get_queue_num),
	ROW(SET_VRING_ENABLE, 8, 8, NONE, vhost_set_vring_enable),
	ROW(NET_SET_MTU, 8, 8, PROTOCOL_NET_MTU, vhost_set_mtu),
	ROW(SET_BACKEND_REQ_FD, 0, 0, PROTOCOL_BACKEND_REQ, vhost_set_backend_fd),
	ROW(GET_CONFIG, CONFIG_HEAD, sizeof(struct config_space), PROTOCOL_CONFIG,
	    vhost_get_config),
	ROW(SET_CONFIG, CONFIG_HEAD, sizeof(struct config_space), PROTOCOL_CONFIG,
	    vhost_set_config),
	ROW(RESET_DEVICE, 0, 0, PROTOCOL_RESET_DEVICE, vhost_reset_device),
	ROW(GET_MAX_MEM_SLOTS, 0, 0, PROTOCOL_CONFIGURE_MEM_SLOTS, vhost_get_mem_slots),
	ROW(ADD_MEM_REG, 40, 40, PROTOCOL_CONFIGURE_MEM_SLOTS, vhost_add_region),
	ROW(REM_MEM_REG, 40, 40, PROTOCOL_CONFIGURE_MEM_SLOTS, vhost_remove_region),
	ROW(SET_STATUS, 8, 8, PROTOCOL_STATUS, vhost_set_status),
	ROW(GET_STATUS, 0, 0, PROTOCOL_STATUS, vhost_get_status),
#undef ROW
};

static const struct request_row *request_row(uint32_t request)
{
	if (request >= sizeof(request_rows) / sizeof(request_rows[0]) ||
	    request_rows[request].name == NULL)
		return NULL;
	return &request_rows[request];
}

const char *vhost_request_name(uint32_t request)
{
	const struct request_row *row = request_row(request);

	return row ? row->name : NULL;
}

int vhost_serve(struct device *device, struct vhost_call *call)
{
	const struct request_row *row = request_row(call->header.request);
	char number[32];

	snprintf(number, sizeof(number), "request %" PRIu32, call->header.request);
	call->name = row ? row->name : number;
	if (row == NULL) {
		int result = vhost_refuse(device, call, "this device does not know it");

		call->name = "";
		return result;
	}
	if (call->header.size < row->least || call->header.size > row->most)
		return vhost_refuse(device, call, "%u bytes, it has %u%s", call->header.size,
				    row->least, row->most > row->least ? " or more" : "");
	if (row->needs != NONE && !vhost_has(device, row->needs))
		return vhost_refuse(device, call,
				    "its protocol feature (bit %u) is not negotiated",
				    row->needs);
	return row->serve(device, call);
}
