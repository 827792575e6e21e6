/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/tap/tun.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/shared/common.h"

/* Since Linux 6.2; Debian 12's headers are older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define NETNS_FOLDER "/run/netns/"

/* What the kernel allows a tap. */
#define TUN_MTU_MAX 65521

void tun_check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		refuse_usage("'%.40s': the name of an interface has 1 to %d characters", name,
			     IFNAMSIZ - 1);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		refuse_usage("'%s' cannot be the name of an interface", name);
	for (const char *c = name; *c != '\0'; c++)
		if (!isgraph((unsigned char)*c) || strchr("/:%", *c) != NULL)
			refuse_usage("'%s': no blank, '/', ':' or '%%' can be in the name of an "
				     "interface",
				     name);
}

/* ---- network namespaces ---- */

/* Go to the namespace; `*back` leads home. -1 in it: nothing to do. */
static int tun_enter(const char *netns, int *back)
{
	char path[300];
	int fd, error;

	*back = -1;
	if (netns == NULL)
		return CODE_OK;
	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') == NULL ? NETNS_FOLDER : "",
		 netns);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		say("--netns %.200s: %s: %s%s", netns, path, strerror(errno),
		    errno == ENOENT ? "; 'ip netns list' shows those that there are" : "");
		return errno == EACCES ? CODE_PERMISSION : CODE_FAILED;
	}
	*back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*back >= 0 && setns(fd, CLONE_NEWNET) == 0) {
		close(fd);
		return CODE_OK;
	}
	error = errno;
	if (*back >= 0)
		close(*back);
	*back = -1;
	close(fd);
	say("--netns %.200s: %s%s", netns, strerror(error),
	    error == EPERM ? "; it needs CAP_SYS_ADMIN" : error == EINVAL ? "; that is no network namespace"
									  : "");
	return error == EPERM ? CODE_PERMISSION : CODE_FAILED;
}

static int tun_leave(int back)
{
	int result = CODE_OK;

	if (back < 0)
		return CODE_OK;
	if (setns(back, CLONE_NEWNET) != 0) {
		say("back from the network namespace: %s", strerror(errno));
		result = CODE_FAILED;
	}
	close(back);
	return result;
}

/* ---- making it ---- */

static int tun_open_node(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		say("/dev/net/tun: %s; %s", strerror(errno),
		    errno == EACCES || errno == EPERM ?
			    "run it as root, or allow this user to read and write it" :
			    "load the module: modprobe tun");
	return fd;
}

static void tun_say_attach(const struct tun *tun, const char *name, int error)
{
	const char *multi = tun->queues > 1 ? " multi_queue" : "";

	if (error == EPERM)
		say("%s: %s; it needs CAP_NET_ADMIN, or an interface of this user's: ip tuntap "
		    "add %s mode tap user $USER vnet_hdr%s",
		    name, strerror(error), name, multi);
	else if (error == EBUSY)
		say("%s: another program has this interface; choose another name", name);
	else if (error == EINVAL)
		say("%s: there is an interface of that name that is %s; choose another name, or: "
		    "ip link del %s",
		    name,
		    tun->queues > 1 ? "no tap with several queues" : "no tap, or one with several queues", name);
	else
		say("%s: %s", name, strerror(error));
}

/* One more queue. The first gives the interface its name. */
static int tun_attach(struct tun *tun, unsigned int index, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = tun_open_node();

	tun->fd[index] = fd;
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? CODE_PERMISSION : CODE_FAILED;
	if (tun->queues > 1)
		request.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, TUNSETIFF, &request) != 0) {
		int error = errno;

		tun_say_attach(tun, name, error);
		return error == EPERM ? CODE_PERMISSION : CODE_FAILED;
	}
	memcpy(tun->name, request.ifr_name, IFNAMSIZ);
	tun->name[IFNAMSIZ - 1] = '\0';
	return CODE_OK;
}

static int tun_make(struct tun *tun, const char *name)
{
	int code = tun_attach(tun, 0, name);

	for (unsigned int i = 1; i < tun->queues && code == CODE_OK; i++)
		code = tun_attach(tun, i, tun->name);
	if (code != CODE_OK)
		return code;
	tun->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (tun->control < 0) {
		say("%s: a socket to configure it: %s", tun->name, strerror(errno));
		return CODE_FAILED;
	}
	/* The only way to know is to try. */
	tun->segments_udp = ioctl(tun->fd[0], TUNSETOFFLOAD,
				  TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6) == 0;
	return CODE_OK;
}

int tun_open(struct tun *tun, const char *name, const char *netns, unsigned int queues)
{
	int back, code, left;

	*tun = (struct tun){ .queues = queues, .netns = netns, .control = -1 };
	for (unsigned int i = 0; i < queues; i++)
		tun->fd[i] = -1;
	code = tun_enter(netns, &back);
	if (code == CODE_OK)
		code = tun_make(tun, name);
	left = tun_leave(back);
	if (code == CODE_OK)
		code = left;
	if (code != CODE_OK)
		tun_close(tun);
	return code;
}

/* ---- configuring it ---- */

static struct ifreq tun_request(const struct tun *tun)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, tun->name, IFNAMSIZ);
	return request;
}

/* An interface that root made may be this user's, and its settings are root's. */
static int tun_say_setting(const struct tun *tun, const char *setting, const char *value)
{
	int error = errno;
	bool named = tun->netns != NULL && strchr(tun->netns, '/') == NULL;

	say("%s: %s %s: %s; run as root: ip %s%s%slink set %s %s %s", tun->name, setting, value,
	    strerror(error), named ? "-n " : "", named ? tun->netns : "", named ? " " : "",
	    tun->name, setting, value);
	return error == EPERM ? CODE_OK : CODE_FAILED;
}

static int tun_set_mac(struct tun *tun, const uint8_t mac[6])
{
	struct ifreq request = tun_request(tun);
	char text[18];

	if (ioctl(tun->control, SIOCGIFHWADDR, &request) == 0 &&
	    memcmp(request.ifr_hwaddr.sa_data, mac, 6) == 0)
		return CODE_OK;
	request = tun_request(tun);
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	if (ioctl(tun->control, SIOCSIFHWADDR, &request) == 0)
		return CODE_OK;
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return tun_say_setting(tun, "address", text);
}

static int tun_set_mtu(struct tun *tun, unsigned int mtu)
{
	struct ifreq request = tun_request(tun);
	char text[16];

	if (mtu > TUN_MTU_MAX)
		mtu = TUN_MTU_MAX;
	if (ioctl(tun->control, SIOCGIFMTU, &request) == 0 && request.ifr_mtu == (int)mtu)
		return CODE_OK;
	request = tun_request(tun);
	request.ifr_mtu = (int)mtu;
	if (ioctl(tun->control, SIOCSIFMTU, &request) == 0)
		return CODE_OK;
	snprintf(text, sizeof(text), "%u", mtu);
	return tun_say_setting(tun, "mtu", text);
}

int tun_configure(struct tun *tun, const uint8_t mac[6], unsigned int mtu)
{
	int code = tun_set_mac(tun, mac);

	return code != CODE_OK ? code : tun_set_mtu(tun, mtu);
}

int tun_set_offloads(struct tun *tun, unsigned int offloads)
{
	static const struct {
		unsigned int bit, flags;
	} names[] = {
		{ TUN_CHECKSUM, TUN_F_CSUM },
		{ TUN_TCP4, TUN_F_TSO4 },
		{ TUN_TCP6, TUN_F_TSO6 },
		{ TUN_TCP_ECN, TUN_F_TSO_ECN },
		{ TUN_UDP, TUN_F_USO4 | TUN_F_USO6 },
	};
	unsigned int flags = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (offloads & names[i].bit)
			flags |= names[i].flags;
	if (ioctl(tun->fd[0], TUNSETOFFLOAD, (unsigned long)flags) == 0)
		return CODE_OK;
	say("%s: offloads 0x%x: %s", tun->name, flags, strerror(errno));
	return CODE_FAILED;
}

void tun_set_carrier(struct tun *tun, bool up)
{
	int carrier = up;

	/* Before Linux 5.0 there is no such request: the carrier is always on. */
	if (ioctl(tun->fd[0], TUNSETCARRIER, &carrier) != 0 && !up)
		say("%s: the carrier cannot be switched off: %s", tun->name, strerror(errno));
}

int tun_set_up(struct tun *tun)
{
	struct ifreq request = tun_request(tun);

	if (ioctl(tun->control, SIOCGIFFLAGS, &request) == 0) {
		if (request.ifr_flags & IFF_UP)
			return CODE_OK;
		request.ifr_flags |= IFF_UP;
		if (ioctl(tun->control, SIOCSIFFLAGS, &request) == 0)
			return CODE_OK;
	}
	return tun_say_setting(tun, "up", "");
}

void tun_close(struct tun *tun)
{
	for (unsigned int i = 0; i < tun->queues; i++)
		if (tun->fd[i] >= 0)
			close(tun->fd[i]);
	if (tun->control >= 0)
		close(tun->control);
	tun->queues = 0;
	tun->control = -1;
}
