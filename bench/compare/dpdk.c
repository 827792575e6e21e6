/* SPDX-License-Identifier: BSD-3-Clause */
/* The measured loop over DPDK's virtio driver (a virtio-user port). */
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

typedef struct rte_mbuf packet;

#include "bench/compare/loop.h"

static struct rte_mempool *pool;

static int failed(const char *what, int result)
{
	fprintf(stderr, "bench: DPDK: %s: %s\n", what, strerror(result < 0 ? -result : rte_errno));
	return -1;
}

static uint32_t packets_wanted(void)
{
	return o.queues * 2 * o.size + 1024 + 512; /* 512: what its cache may hold */
}

static int start_environment(void)
{
	char vdev[512], memory[16], prefix[64], cpu[8];
	char *arguments[] = { (char *)"bench", (char *)"--no-huge", (char *)"-m", memory,
			      (char *)"--no-pci", (char *)"--no-telemetry", (char *)"-l", cpu,
			      (char *)"--force-max-simd-bitwidth=512",
			      (char *)"--log-level=pmd.net.virtio.init:debug", prefix, vdev };
	int count = (int)(sizeof(arguments) / sizeof(arguments[0]));

	/* 2304 bytes and a header each, rings, and what DPDK itself wants. */
	snprintf(memory, sizeof(memory), "%u", 48 + packets_wanted() * 3 / 1024);
	snprintf(prefix, sizeof(prefix), "--file-prefix=bench%d", (int)getpid());
	snprintf(cpu, sizeof(cpu), "%d", o.cpu);
	snprintf(vdev, sizeof(vdev), "--vdev=net_virtio_user0,path=%s,queue_size=%u,packed_vq=%d,"
		 "in_order=%d,mrg_rxbuf=%d,vectorized=%d,queues=%u,cq=%d", o.socket, o.size,
		 o.packed, o.in_order, o.mergeable, o.vectorised, o.queues, o.queues > 1);
	return rte_eal_init(count, arguments);
}

static int driver_open(void)
{
	struct rte_eth_conf conf = { .intr_conf.rxq = o.interrupts };
	uint16_t queues = (uint16_t)o.queues, size = (uint16_t)o.size;
	int result = start_environment();

	if (result < 0)
		return failed("environment", result);
	pool = rte_pktmbuf_pool_create("packets", packets_wanted(), 256, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		return failed("pool", 0);
	result = rte_eth_dev_configure(0, queues, queues, &conf);
	for (uint16_t i = 0; i < queues && result == 0; i++) {
		result = rte_eth_rx_queue_setup(0, i, size, SOCKET_ID_ANY, NULL, pool);
		if (result == 0)
			result = rte_eth_tx_queue_setup(0, i, size, SOCKET_ID_ANY, NULL);
	}
	if (result == 0)
		result = rte_eth_dev_start(0);
	if (result == 0 && o.interrupts)
		result = rte_eth_dev_rx_intr_ctl_q(0, 0, RTE_EPOLL_PER_THREAD,
						   RTE_INTR_EVENT_ADD, NULL);
	return result ? failed("port", result) : 0;
}

static void driver_close(void)
{
	(void)rte_eth_dev_stop(0);
	(void)rte_eth_dev_close(0);
	(void)rte_eal_cleanup();
}

static uint32_t driver_alloc(packet **packets, uint32_t count)
{
	if (rte_pktmbuf_alloc_bulk(pool, packets, count))
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		packets[i]->data_len = FRAME;
		packets[i]->pkt_len = FRAME;
	}
	return count;
}

static inline uint32_t driver_transmit(uint32_t queue, packet **packets, uint32_t count)
{
	return rte_eth_tx_burst(0, (uint16_t)queue, packets, (uint16_t)count);
}

static inline uint32_t driver_receive(uint32_t queue, packet **packets, uint32_t max)
{
	return rte_eth_rx_burst(0, (uint16_t)queue, packets, (uint16_t)max);
}

static inline const uint8_t *driver_frame(const packet *p)
{
	return rte_pktmbuf_mtod(p, const uint8_t *);
}

static void driver_free(packet **packets, uint32_t count)
{
	rte_pktmbuf_free_bulk(packets, count);
}

/* Arm, and return at once to the loop, which receives: a packet that came before arming
 * would otherwise wait for the timeout of epoll. */
static int driver_wait(void)
{
	struct rte_epoll_event event;
	int result = rte_eth_dev_rx_intr_enable(0, 0);

	if (result == 0 && rte_eth_rx_queue_count(0, 0) <= 0)
		result = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 100) < 0 ? -1 : 0;
	(void)rte_eth_dev_rx_intr_disable(0, 0);
	return result < 0 ? -1 : 0;
}

static int64_t driver_kicks(void)
{
	return -1;
}
