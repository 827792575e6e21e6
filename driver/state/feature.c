/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "driver/state/feature.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"

#define NEEDS_MAX 4

/* Bit 0 is CSUM, so that lists of needs hold bit + 1 and end with 0. */
#define NEED(bit) ((bit) + 1)

struct rule {
	uint8_t bit;
	bool known; /* the driver makes use of it */
	const char *name;
	uint8_t all[NEEDS_MAX]; /* every one of these, and ... */
	uint8_t any[2];		/* ... one of these, if there are any */
};

/* "Feature bit requirements", and what the commands imply where that list is
 * silent (CTRL_GUEST_OFFLOADS, CTRL_RX_EXTRA, DEVICE_STATS, VQ_NOTF_COAL).
 * clang-format would join rows to lines of up to 170 columns. */
/* clang-format off */
static const struct rule rules[] = {
	{ NET_F_CSUM, true, "CSUM", { 0 }, { 0 } },
	{ NET_F_GUEST_CSUM, true, "GUEST_CSUM", { 0 }, { 0 } },
	{ NET_F_CTRL_GUEST_OFFLOADS, true, "CTRL_GUEST_OFFLOADS",
	  { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_MTU, true, "MTU", { 0 }, { 0 } },
	{ NET_F_MAC, true, "MAC", { 0 }, { 0 } },
	{ NET_F_GUEST_TSO4, true, "GUEST_TSO4", { NEED(NET_F_GUEST_CSUM) }, { 0 } },
	{ NET_F_GUEST_TSO6, true, "GUEST_TSO6", { NEED(NET_F_GUEST_CSUM) }, { 0 } },
	{ NET_F_GUEST_ECN, true, "GUEST_ECN", { 0 },
	  { NEED(NET_F_GUEST_TSO4), NEED(NET_F_GUEST_TSO6) } },
	{ NET_F_GUEST_UFO, true, "GUEST_UFO", { NEED(NET_F_GUEST_CSUM) }, { 0 } },
	{ NET_F_HOST_TSO4, true, "HOST_TSO4", { NEED(NET_F_CSUM) }, { 0 } },
	{ NET_F_HOST_TSO6, true, "HOST_TSO6", { NEED(NET_F_CSUM) }, { 0 } },
	{ NET_F_HOST_ECN, true, "HOST_ECN", { 0 },
	  { NEED(NET_F_HOST_TSO4), NEED(NET_F_HOST_TSO6) } },
	{ NET_F_HOST_UFO, true, "HOST_UFO", { NEED(NET_F_CSUM) }, { 0 } },
	{ NET_F_MRG_RXBUF, true, "MRG_RXBUF", { 0 }, { 0 } },
	{ NET_F_STATUS, true, "STATUS", { 0 }, { 0 } },
	{ NET_F_CTRL_VQ, true, "CTRL_VQ", { 0 }, { 0 } },
	{ NET_F_CTRL_RX, true, "CTRL_RX", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_CTRL_VLAN, true, "CTRL_VLAN", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_CTRL_RX_EXTRA, true, "CTRL_RX_EXTRA",
	  { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_GUEST_ANNOUNCE, true, "GUEST_ANNOUNCE",
	  { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_MQ, true, "MQ", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_CTRL_MAC_ADDR, true, "CTRL_MAC_ADDR",
	  { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ F_NOTIFY_ON_EMPTY, false, "NOTIFY_ON_EMPTY", { 0 }, { 0 } },
	{ F_ANY_LAYOUT, false, "ANY_LAYOUT", { 0 }, { 0 } },
	{ F_INDIRECT_DESC, true, "INDIRECT_DESC", { 0 }, { 0 } },
	{ F_EVENT_IDX, true, "EVENT_IDX", { 0 }, { 0 } },
	{ F_VERSION_1, true, "VERSION_1", { 0 }, { 0 } },
	{ F_ACCESS_PLATFORM, true, "ACCESS_PLATFORM", { 0 }, { 0 } },
	{ F_RING_PACKED, true, "RING_PACKED", { 0 }, { 0 } },
	{ F_IN_ORDER, true, "IN_ORDER", { 0 }, { 0 } },
	{ F_ORDER_PLATFORM, true, "ORDER_PLATFORM", { 0 }, { 0 } },
	{ F_SR_IOV, false, "SR_IOV", { 0 }, { 0 } },
	{ F_NOTIFICATION_DATA, true, "NOTIFICATION_DATA", { 0 }, { 0 } },
	{ F_NOTIF_CONFIG_DATA, true, "NOTIF_CONFIG_DATA", { 0 }, { 0 } },
	{ F_RING_RESET, true, "RING_RESET", { 0 }, { 0 } },
	{ F_ADMIN_VQ, false, "ADMIN_VQ", { 0 }, { 0 } },
	{ F_SUSPEND, true, "SUSPEND", { 0 }, { 0 } },
	{ NET_F_DEVICE_STATS, true, "DEVICE_STATS", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_HASH_TUNNEL, true, "HASH_TUNNEL", { NEED(NET_F_CTRL_VQ) },
	  { NEED(NET_F_RSS), NEED(NET_F_HASH_REPORT) } },
	{ NET_F_VQ_NOTF_COAL, true, "VQ_NOTF_COAL", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_NOTF_COAL, true, "NOTF_COAL", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_GUEST_USO4, true, "GUEST_USO4", { NEED(NET_F_GUEST_CSUM) }, { 0 } },
	{ NET_F_GUEST_USO6, true, "GUEST_USO6", { NEED(NET_F_GUEST_CSUM) }, { 0 } },
	{ NET_F_HOST_USO, true, "HOST_USO", { NEED(NET_F_CSUM) }, { 0 } },
	{ NET_F_HASH_REPORT, true, "HASH_REPORT", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	{ NET_F_GUEST_HDRLEN, true, "GUEST_HDRLEN", { 0 }, { 0 } },
	{ NET_F_RSS, true, "RSS", { NEED(NET_F_CTRL_VQ) }, { 0 } },
	/* One place in the specification ties it to the transmit offloads,
	 * another to the receive ones; with both, neither is wrong. */
	{ NET_F_RSC_EXT, true, "RSC_EXT",
	  { NEED(NET_F_HOST_TSO4), NEED(NET_F_GUEST_TSO4) }, { 0 } },
	{ NET_F_STANDBY, true, "STANDBY", { 0 }, { 0 } },
	{ NET_F_SPEED_DUPLEX, true, "SPEED_DUPLEX", { 0 }, { 0 } },
	{ NET_F_RSS_CONTEXT, true, "RSS_CONTEXT",
	  { NEED(NET_F_CTRL_VQ), NEED(NET_F_RSS) }, { 0 } },
	{ NET_F_GUEST_UDP_TUNNEL_GSO, true, "GUEST_UDP_TUNNEL_GSO",
	  { NEED(NET_F_GUEST_TSO4), NEED(NET_F_GUEST_TSO6),
	    NEED(NET_F_GUEST_USO4), NEED(NET_F_GUEST_USO6) }, { 0 } },
	{ NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, true, "GUEST_UDP_TUNNEL_GSO_CSUM",
	  { NEED(NET_F_GUEST_UDP_TUNNEL_GSO) }, { 0 } },
	{ NET_F_HOST_UDP_TUNNEL_GSO, true, "HOST_UDP_TUNNEL_GSO",
	  { NEED(NET_F_HOST_TSO4), NEED(NET_F_HOST_TSO6),
	    NEED(NET_F_HOST_USO) }, { 0 } },
	{ NET_F_HOST_UDP_TUNNEL_GSO_CSUM, true, "HOST_UDP_TUNNEL_GSO_CSUM",
	  { NEED(NET_F_HOST_UDP_TUNNEL_GSO) }, { 0 } },
	{ NET_F_OUT_NET_HEADER, false, "OUT_NET_HEADER", { 0 }, { 0 } },
	{ NET_F_IPSEC, false, "IPSEC", { 0 }, { 0 } },
};
/* clang-format on */

#define RULES (sizeof(rules) / sizeof(rules[0]))

/*
 * Features that change what arrives, or the buffers that it needs, for a driver that
 * negotiates them and does nothing else: only frames for the device's own address are
 * let through, tagged ones are dropped until their VLANs are added ("VLAN Filtering",
 * CVQ-12), checksums may be missing, frames may be longer than the MTU, headers are
 * longer. Only for those who want them.
 */
static const uint8_t on_request[] = {
	NET_F_CTRL_RX,
	NET_F_CTRL_RX_EXTRA,
	NET_F_CTRL_VLAN,
	NET_F_GUEST_CSUM,
	NET_F_GUEST_TSO4,
	NET_F_GUEST_TSO6,
	NET_F_GUEST_ECN,
	NET_F_GUEST_UFO,
	NET_F_GUEST_USO4,
	NET_F_GUEST_USO6,
	NET_F_GUEST_UDP_TUNNEL_GSO,
	NET_F_GUEST_UDP_TUNNEL_GSO_CSUM,
	NET_F_HOST_UDP_TUNNEL_GSO,
	NET_F_HOST_UDP_TUNNEL_GSO_CSUM,
	NET_F_RSC_EXT,
	NET_F_HASH_REPORT,
	NET_F_OUT_NET_HEADER,
};

const char *vionet_feature_name(unsigned int bit)
{
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].bit == bit)
			return rules[i].name;
	return NULL;
}

int vionet_feature_bit(const char *name)
{
	static const char *const prefixes[] = {
		"VIRTIO_NET_F_", "VIRTIO_RING_F_", "VIRTIO_F_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
			name += strlen(prefixes[i]);
			break;
		}
	}
	for (size_t i = 0; i < RULES; i++)
		if (strcasecmp(rules[i].name, name) == 0)
			return rules[i].bit;
	return vn_error(ENOENT, "'%s' is not a feature of a network device", name);
}

void vn_features_known(struct vionet_features *known)
{
	memset(known, 0, sizeof(*known));
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].known)
			vn_feature_add(known, rules[i].bit);
}

void vn_features_on_request(struct vionet_features *set)
{
	memset(set, 0, sizeof(*set));
	for (size_t i = 0; i < sizeof(on_request); i++)
		vn_feature_add(set, on_request[i]);
}

enum vionet_feature_use vionet_feature_use(unsigned int bit)
{
	struct vionet_features known, requested;

	vn_features_known(&known);
	vn_features_on_request(&requested);
	if (!vionet_feature_test(&known, bit))
		return VIONET_FEATURE_UNUSED;
	return vionet_feature_test(&requested, bit) ? VIONET_FEATURE_ON_REQUEST :
						  VIONET_FEATURE_ACCEPTED;
}

static bool feature_satisfied(const struct rule *rule,
			      const struct vionet_features *set)
{
	for (unsigned int i = 0; i < NEEDS_MAX && rule->all[i] != 0; i++)
		if (!vionet_feature_test(set, rule->all[i] - 1u))
			return false;
	if (rule->any[0] == 0)
		return true;
	return vionet_feature_test(set, rule->any[0] - 1u) ||
	       (rule->any[1] != 0 && vionet_feature_test(set, rule->any[1] - 1u));
}

unsigned int vionet_feature_missing(const struct vionet_features *have,
				    unsigned int bit)
{
	const struct rule *rule = NULL;

	for (size_t i = 0; i < RULES && !rule; i++)
		if (rules[i].bit == bit)
			rule = &rules[i];
	if (!rule)
		return bit;
	for (unsigned int i = 0; i < NEEDS_MAX && rule->all[i] != 0; i++)
		if (!vionet_feature_test(have, rule->all[i] - 1u))
			return vionet_feature_missing(have, rule->all[i] - 1u);
	return feature_satisfied(rule, have) ? bit :
				       vionet_feature_missing(have, rule->any[0] - 1u);
}

void vn_features_close(struct vionet_features *set)
{
	bool changed;

	do {
		changed = false;
		for (size_t i = 0; i < RULES; i++) {
			if (!vionet_feature_test(set, rules[i].bit) ||
			    feature_satisfied(&rules[i], set))
				continue;
			vn_feature_remove(set, rules[i].bit);
			changed = true;
		}
	} while (changed);
}

void vn_feature_text(unsigned int bit, char text[32])
{
	const char *name = vionet_feature_name(bit);

	if (name)
		snprintf(text, 32, "%s", name);
	else
		snprintf(text, 32, "bit %u", bit);
}

const char *vn_features_text(const struct vionet_features *set, char *text,
			     size_t size)
{
	size_t used = 0;

	snprintf(text, size, "none");
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		char name[32];
		int length;

		if (!vionet_feature_test(set, bit) || used >= size)
			continue;
		vn_feature_text(bit, name);
		length = snprintf(text + used, size - used, "%s%s", used ? " " : "",
				  name);
		used += length > 0 ? (size_t)length : 0;
	}
	return text;
}

/* The caller needs a bit that is not accepted: say which one is really missing. */
static int feature_refuse_missing(const struct vionet_features *offered,
				  const struct vionet_features *avoid,
				  const struct vionet_features *accepted,
				  unsigned int bit)
{
	unsigned int lacks = vionet_feature_missing(accepted, bit);
	char names[2][32];
	const char *why;

	if (!vionet_feature_test(offered, lacks))
		why = "the device does not offer";
	else if (vionet_feature_test(avoid, lacks))
		why = "the caller avoids";
	else if (vionet_feature_use(lacks) == VIONET_FEATURE_UNUSED)
		why = "this driver makes no use of";
	else
		why = "has to be wanted, too";
	vn_feature_text(bit, names[0]);
	vn_feature_text(lacks, names[1]);
	if (lacks == bit)
		return vn_error(ENOTSUP, "the feature %s is needed, which %s", names[0],
				why);
	return vn_error(ENOTSUP, "the feature %s is needed, and for that %s, which %s",
			names[0], names[1], why);
}

int vn_features_choose(const struct vionet_features *offered,
		       const struct vionet_features *avoid,
		       const struct vionet_features *need,
		       const struct vionet_features *want, bool assume_iommu,
		       struct vionet_features *accepted)
{
	struct vionet_features requested;

	vn_features_known(accepted);
	vn_features_on_request(&requested);
	for (unsigned int i = 0; i < 2; i++)
		accepted->word[i] &= offered->word[i] & ~avoid->word[i] &
				     (~requested.word[i] | need->word[i] |
				      want->word[i]);
	vn_features_close(accepted);

	if (vionet_feature_test(avoid, F_VERSION_1) ||
	    (vionet_feature_test(avoid, F_ACCESS_PLATFORM) && !assume_iommu))
		return vn_error_remedy(
			vn_error(EINVAL, "VERSION_1 and ACCESS_PLATFORM cannot be "
				 "avoided; the second only where a real IOMMU stands "
				 "in front of the device"),
			VIONET_REMEDY_ASSUME_IOMMU, NULL);
	if (!vionet_feature_test(accepted, F_VERSION_1))
		return vn_error(ENOTSUP, "the device does not offer VERSION_1, so "
				"it has only the legacy interface, which is not "
				"supported; with QEMU add disable-modern=off");
	if (!vionet_feature_test(accepted, F_ACCESS_PLATFORM) && !assume_iommu)
		return vn_error_remedy(
			vn_error(ENOTSUP, "the device does not offer ACCESS_PLATFORM: it "
				 "takes the addresses it is given for physical ones and "
				 "would overwrite memory that is not ours. With QEMU add "
				 "iommu_platform=on"),
			VIONET_REMEDY_ASSUME_IOMMU, NULL);
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++)
		if (vionet_feature_test(need, bit) &&
		    !vionet_feature_test(accepted, bit))
			return feature_refuse_missing(offered, avoid, accepted, bit);
	return 0;
}
