/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: "Packet Receive Filtering", "Setting MAC Address Filtering", "VLAN
 * Filtering", "Gratuitous Packet Sending". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/control.h>

#include "base/error.h"
#include "driver/control/command.h"
#include "driver/state/device.h"
#include "driver/spec/net.h"
#include "driver/control/steering.h"
#include "driver/control/state.h"

#define VLAN_MAX 4094

static int filter_send(struct vionet_device *device, uint8_t class, uint8_t command,
		       const void *data, uint32_t size, uint32_t key, const char *name)
{
	struct vn_ctrl_state *saved = vn_ctrl_state_make(class, command, data, size);
	int result = vn_ctrl_state_send(device, saved, key, name);

	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

int vionet_control_check(struct vionet_device *device)
{
	int result = vn_control_check(device);

	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

/* ---- address ---- */

static bool filter_may_be_own(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return (mac[0] & 1) == 0 && memcmp(mac, none, sizeof(none)) != 0;
}

int vionet_mac_set(struct vionet_device *device, const uint8_t mac[6])
{
	int result = vn_control_need(device, NET_F_CTRL_MAC_ADDR,
				     "setting the address");

	/* Commands of class CTRL_MAC are for CTRL_RX alone, this one too ("Setting MAC Address
	 * Filtering", CVQ-06): CTRL_MAC_ADDR without it gives no right to send it. */
	if (result == 0)
		result = vn_control_need(device, NET_F_CTRL_RX,
					 "setting the address");
	if (result)
		return result;
	if (!filter_may_be_own(mac))
		return vn_error(EINVAL, "%s: a device's address is neither a group's "
				"nor all zero", device->name);
	result = filter_send(device, CTRL_MAC, CTRL_MAC_ADDR_SET, mac, 6, 0,
			     "MAC_ADDR_SET");
	if (result == 0)
		memcpy(device->config.mac, mac, 6);
	return result;
}

int vn_filter_begin(struct vionet_device *device)
{
	struct vn_command command = {
		.class = CTRL_MAC,
		.command = CTRL_MAC_ADDR_SET,
		.name = "MAC_ADDR_SET",
		.data = device->config.mac,
		.size = 6,
	};
	int result;

	if (device->config.mac_from_device ||
	    !vionet_feature_test(&device->accepted, NET_F_CTRL_RX) ||
	    !vionet_feature_test(&device->accepted, NET_F_CTRL_MAC_ADDR))
		return 0;
	result = vn_control_command(device, &command);
	return result == -EREMOTEIO ? 0 : result;
}

/* ---- modes and tables ---- */

int vionet_filter_mode_set(struct vionet_device *device,
			   enum vionet_filter_mode mode, bool on)
{
	static const char *const names[] = {
		"PROMISC", "ALLMULTI", "ALLUNI", "NOMULTI", "NOUNI", "NOBCAST",
	};
	uint8_t data = on;
	char name[32];
	int result;

	if ((unsigned int)mode >= sizeof(names) / sizeof(names[0]))
		return vn_error(EINVAL, "%s: there is no receive mode %d",
				device->name, (int)mode);
	snprintf(name, sizeof(name), "receive mode %s %s", names[mode],
		 on ? "on" : "off");
	result = vn_control_need(device, mode <= VIONET_FILTER_ALLMULTI ?
						 NET_F_CTRL_RX :
						 NET_F_CTRL_RX_EXTRA, name);
	if (result)
		return result;
	return filter_send(device, CTRL_RX, (uint8_t)mode, &data, 1, 0, name);
}

/* Are all of them of one kind? Bit 0 of the first byte says so. */
static int filter_check_macs(const struct vionet_device *device,
			     const uint8_t (*macs)[6], uint32_t count, bool group)
{
	for (uint32_t i = 0; i < count; i++)
		if (((macs[i][0] & 1) != 0) != group)
			return vn_error(EINVAL, "%s: address %u of the %s table is "
					"%s one", device->name, i,
					group ? "multicast" : "unicast",
					group ? "an individual" : "a group");
	return 0;
}

static uint8_t *filter_put_macs(uint8_t *at, const uint8_t (*macs)[6], uint32_t count)
{
	at = vn_put32(at, count);
	if (count != 0)
		memcpy(at, macs, 6u * (size_t)count);
	return at + 6u * (size_t)count;
}

/* More than any command has room for. */
#define MACS_MAX 100000u

int vionet_filter_macs_set(struct vionet_device *device,
			   const uint8_t (*unicast)[6], uint32_t unicast_count,
			   const uint8_t (*multicast)[6],
			   uint32_t multicast_count)
{
	uint8_t *data;
	uint32_t size;
	int result = vn_control_need(device, NET_F_CTRL_RX,
				     "setting the address table");

	if (result == 0)
		result = filter_check_macs(device, unicast, unicast_count, false);
	if (result == 0)
		result = filter_check_macs(device, multicast, multicast_count, true);
	if (result)
		return result;
	if (unicast_count > MACS_MAX || multicast_count > MACS_MAX)
		return vn_error(EMSGSIZE, "%s: %u and %u addresses are too many",
				device->name, unicast_count, multicast_count);
	size = 8 + 6 * (unicast_count + multicast_count);
	data = malloc(size);
	if (!data)
		return vn_error(ENOMEM, "%s: no memory for %u addresses",
				device->name, unicast_count + multicast_count);
	filter_put_macs(filter_put_macs(data, unicast, unicast_count), multicast,
			multicast_count);
	result = filter_send(device, CTRL_MAC, CTRL_MAC_TABLE_SET, data, size, 0,
			     "MAC_TABLE_SET");
	free(data);
	return result;
}

/* ---- VLANs ---- */

static int filter_check_vlan(struct vionet_device *device, uint16_t vlan)
{
	int result = vn_control_need(device, NET_F_CTRL_VLAN, "a VLAN filter");

	if (result == 0 && vlan > VLAN_MAX)
		return vn_error(EINVAL, "%s: VLAN %u is above %d", device->name,
				vlan, VLAN_MAX);
	return result;
}

int vionet_filter_vlan_add(struct vionet_device *device, uint16_t vlan)
{
	int result = filter_check_vlan(device, vlan);
	uint8_t data[2];

	if (result)
		return result;
	vn_put16(data, vlan);
	return filter_send(device, CTRL_VLAN, CTRL_VLAN_ADD, data, 2, 2, "VLAN_ADD");
}

int vionet_filter_vlan_delete(struct vionet_device *device, uint16_t vlan)
{
	int result = filter_check_vlan(device, vlan);
	struct vn_command command = {
		.class = CTRL_VLAN,
		.command = CTRL_VLAN_DEL,
		.name = "VLAN_DEL",
		.size = 2,
	};
	uint8_t data[2];

	if (result)
		return result;
	vn_put16(data, vlan);
	command.data = data;
	result = vn_control_command(device, &command);
	if (result)
		return vn_error_prefix(result, "%s", device->name);
	vn_ctrl_state_forget(device, CTRL_VLAN, CTRL_VLAN_ADD, data, 2);
	return 0;
}

/* ---- announcements ---- */

int vionet_announcement_write(const struct vionet_device *device,
			      uint8_t frame[VIONET_ANNOUNCEMENT_SIZE])
{
	/* Reverse ARP over Ethernet: "who am I", which every switch on the way
	 * learns from (RFC 903). */
	static const uint8_t arp[] = {
		0x80, 0x35, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x03,
	};
	const uint8_t *mac = device->config.mac;

	memset(frame, 0, VIONET_ANNOUNCEMENT_SIZE);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, arp, sizeof(arp));
	memcpy(frame + 22, mac, 6); /* sender ... */
	memcpy(frame + 32, mac, 6); /* ... and target */
	return 0;
}
