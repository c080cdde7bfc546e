/* SPDX-License-Identifier: Apache-2.0 */
/* What TCP knows about a connection: the kernel's struct in our units. */
#include "inspect/tcpinfo.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "sys/call.h"

static skt_time tcpinfo_us(uint64_t us)
{
	return (skt_time)us * SKT_US;
}

static skt_time tcpinfo_ms(uint64_t ms)
{
	return (skt_time)ms * SKT_MS;
}

static void tcpinfo_times(const struct tcp_info *k, struct skt_tcpinfo *ret)
{
	ret->rtt = tcpinfo_us(k->tcpi_rtt);
	ret->rtt_variance = tcpinfo_us(k->tcpi_rttvar);
	ret->rtt_min = k->tcpi_min_rtt == UINT32_MAX ? 0 : tcpinfo_us(k->tcpi_min_rtt);
	ret->busy = tcpinfo_us(k->tcpi_busy_time);
	ret->receiver_limited = tcpinfo_us(k->tcpi_rwnd_limited);
	ret->sendbuf_limited = tcpinfo_us(k->tcpi_sndbuf_limited);
	ret->since_sent = tcpinfo_ms(k->tcpi_last_data_sent);
	ret->since_received = tcpinfo_ms(k->tcpi_last_data_recv);
	ret->since_ack = tcpinfo_ms(k->tcpi_last_ack_recv);
}

static uint64_t tcpinfo_rate(uint64_t rate)
{
	return rate == UINT64_MAX ? 0 : rate;
}

static void tcpinfo_counts(const struct tcp_info *k, struct skt_tcpinfo *ret)
{
	enum { NO_THRESHOLD = 0x7fffffff }; /* TCP_INFINITE_SSTHRESH */

	ret->congestion_window = k->tcpi_snd_cwnd;
	ret->slow_start_threshold = k->tcpi_snd_ssthresh >= NO_THRESHOLD ? UINT32_MAX : k->tcpi_snd_ssthresh;
	ret->mss_sent = k->tcpi_snd_mss;
	ret->mss_received = k->tcpi_rcv_mss;
	ret->unacknowledged = k->tcpi_unacked;
	ret->lost = k->tcpi_lost;
	ret->retransmitting = k->tcpi_retrans;
	ret->retransmits = k->tcpi_total_retrans;
	ret->bytes_sent = k->tcpi_bytes_sent;
	ret->bytes_acked = k->tcpi_bytes_acked;
	ret->bytes_received = k->tcpi_bytes_received;
	ret->bytes_retransmitted = k->tcpi_bytes_retrans;
	ret->segments_out = k->tcpi_segs_out;
	ret->segments_in = k->tcpi_segs_in;
	ret->delivery_rate = tcpinfo_rate(k->tcpi_delivery_rate);
	ret->pacing_rate = tcpinfo_rate(k->tcpi_pacing_rate);
	ret->is_app_limited = k->tcpi_delivery_rate_app_limited;
	ret->not_sent = k->tcpi_notsent_bytes;
}

/* The kernel's struct grew over time: what it did not send stays zero. */
void skt_tcpinfo_read(const void *kernel, size_t n, struct skt_tcpinfo *ret)
{
	struct tcp_info k = { 0 };

	memcpy(&k, kernel, n < sizeof(k) ? n : sizeof(k));
	tcpinfo_times(&k, ret);
	tcpinfo_counts(&k, ret);
}

int skt_tcpinfo_ask(int fd, struct skt_tcpinfo *ret, unsigned *state)
{
	struct tcp_info k = { 0 };
	socklen_t n = sizeof(k), n_name = sizeof(ret->congestion) - 1;

	*ret = (struct skt_tcpinfo){ 0 };
	if (skt_sys.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &k, &n) < 0)
		return -1;
	tcpinfo_times(&k, ret);
	tcpinfo_counts(&k, ret);
	*state = k.tcpi_state;
	if (skt_sys.getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, ret->congestion, &n_name) < 0)
		ret->congestion[0] = '\0';
	return 0;
}
