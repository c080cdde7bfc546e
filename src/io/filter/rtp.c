/* SPDX-License-Identifier: Apache-2.0 */
/* rtp=: RTP headers before messages that are written, and off those that are read.
 *
 * How it works: SSRC, first number and the timestamp's origin are random (RFC 3550 section 5.1). A number is used up only when below has
 * taken its packet. Reading passes over at most RTP_PASS packets in one call, then goes on in the loop's next round, so that a flood of
 * what is none does not hold up others. */
#include "io/filter/rtp.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/rtpseen.h"
#include "sys/call.h"
#include "sys/clock.h"

/* RTP_MAX: of a UDP datagram over IPv4. RTP_SMALL: such messages are put together on the stack. */
enum { RTP_PASS = 64, RTP_MAX = 65507, RTP_SMALL = 2048 };

struct rtp {
	struct skt_counting counting; /* first: skt_media_of() */
	struct skt_loop *loop;
	struct skt_task task; /* goes on passing over */
	struct skt_rtp next;  /* of the packet that is written next; its timestamp is the origin */
	struct skt_rtpseen seen;
};

static struct rtp *rtp_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct rtp, counting.stream);
}

/* Take the header off n bytes in buf. Returns as read(), and 0 where the packet is passed over. */
static ssize_t rtp_take(struct rtp *r, uint8_t *buf, size_t n)
{
	struct skt_rtp rtp;
	bool is_new = false;

	if (skt_rtp_parse(buf, n, &rtp) < 0)
		r->seen.media.malformed++;
	else
		is_new = skt_rtpseen_take(&r->seen, &rtp, skt_now());
	if (is_new && rtp.payload_type == SKT_RTP_TS)
		r->seen.media.is_ts = true;
	r->counting.media = r->seen.media;
	if (!is_new)
		return 0;
	memmove(buf, buf + rtp.at, rtp.n);
	return rtp.n ? (ssize_t)rtp.n : -SKT_EMPTY;
}

static ssize_t rtp_read(struct skt_stream *s, void *buf, size_t n)
{
	struct rtp *r = rtp_of(s);

	for (int i = 0; i < RTP_PASS; i++) {
		ssize_t got = skt_stream_read(s->below, buf, n);

		if (got == 0)
			skt_layer_follow(s);
		if (got <= 0 && got != -SKT_EMPTY)
			return got;
		got = rtp_take(r, buf, got > 0 ? (size_t)got : 0);
		if (got != 0)
			return got;
	}
	skt_loop_defer(r->loop, &r->task);
	return -SKT_AGAIN;
}

static void rtp_task(struct skt_task *task)
{
	skt_layer_wake(&SKT_OUTER(task, struct rtp, task)->counting.stream);
}

static ssize_t rtp_fail_size(struct rtp *r, size_t n)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE,
		       _("a message of %zu bytes does not fit into an RTP packet, which takes %d"), n,
		       RTP_MAX - SKT_RTP_HEADER);
	return skt_stream_fail(&r->counting.stream, &err);
}

/* `packet` has room for the message and its header. */
static ssize_t rtp_send(struct rtp *r, uint8_t *packet, const void *message, size_t n)
{
	struct skt_rtp rtp = r->next;
	ssize_t put;

	rtp.timestamp += (uint32_t)(skt_now() * (SKT_RTP_HZ / 10000) / (SKT_SECOND / 10000));
	skt_rtp_print(&rtp, packet);
	if (n)
		memcpy(packet + SKT_RTP_HEADER, message, n);
	put = skt_stream_write(r->counting.stream.below, packet, SKT_RTP_HEADER + n);
	if (put < 0)
		return put;
	r->next.sequence++;
	return (ssize_t)n;
}

static ssize_t rtp_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct rtp *r = rtp_of(s);
	uint8_t small[RTP_SMALL + SKT_RTP_HEADER], *big;
	ssize_t put;

	if (n > RTP_MAX - SKT_RTP_HEADER)
		return rtp_fail_size(r, n);
	if (n <= RTP_SMALL)
		return rtp_send(r, small, buf, n);
	big = skt_malloc(SKT_RTP_HEADER + n);
	if (!big)
		return skt_layer_fail_memory(s);
	put = rtp_send(r, big, buf, n);
	skt_free(big);
	return put;
}

static void rtp_free(struct skt_stream *s)
{
	struct rtp *r = rtp_of(s);

	skt_loop_undefer(r->loop, &r->task);
	skt_stream_free(s->below);
	skt_free(r);
}

const struct skt_stream_ops skt_rtp_ops = {
	.name = "rtp",
	.open = skt_layer_open,
	.read = rtp_read,
	.write = rtp_write,
	.shut = skt_layer_shut,
	.finish = skt_layer_finish,
	.free = rtp_free,
};

static int rtp_begin(struct skt_rtp *next, struct skt_error *err)
{
	struct {
		uint32_t ssrc, timestamp;
		uint16_t sequence;
	} random = { 0 };

	if (skt_sys.getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return skt_fail(err, SKT_E_IO, errno, _("the kernel gives no random numbers: %s"), strerror(errno));
	*next = (struct skt_rtp){ .payload_type = SKT_RTP_TS,
				  .ssrc = random.ssrc,
				  .timestamp = random.timestamp,
				  .sequence = random.sequence };
	return 0;
}

int skt_rtp_new(struct skt_loop *loop, struct skt_stream *below, struct skt_stream **ret, struct skt_error *err)
{
	struct rtp *r = SKT_NEW(struct rtp);
	int failed = r ? rtp_begin(&r->next, err) : skt_fail_memory(err);

	if (failed) {
		skt_free(r);
		skt_stream_free(below);
		return failed;
	}
	r->loop = loop;
	r->task.fn = rtp_task;
	r->counting.stream.flags = SKT_STREAM_MESSAGES;
	skt_layer_init(&r->counting.stream, &skt_rtp_ops, below, NULL);
	*ret = &r->counting.stream;
	return 0;
}
