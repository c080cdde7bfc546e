/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a side of bytes and a side of datagrams.
 *
 * How it works: the options stand at the datagram endpoint, because it is the one that has messages; the layers go on the other side,
 * whose bytes are to become messages. So the datagram side stays bare, and two of those are joined without any layer. */
#include "relay/mixing.h"

#include <string.h>

#include "base/message.h"
#include "io/dgram.h"
#include "io/fd.h"
#include "io/filter/frame.h"
#include "io/filter/media.h"
#include "io/filter/pace.h"
#include "io/filter/rtp.h"
#include "io/filter/ws.h"
#include "sys/slice.h"

/* Whoever keeps a pace wants its turn when its time has come: 2 % fewer messages are late beside other work. */
#define MIXING_SLICE (100 * SKT_US)

/* A file is cut into pieces that pass everywhere, one with a pace into pieces as video has them: 7 packets of 188 bytes. Whatever else
 * comes as it is read. */
enum { MIXING_PIECE = 1400, MIXING_PACED = 1316 };

static struct skt_framing mixing_framing(const struct skt_endpoint *e, struct skt_stream *bytes)
{
	const struct skt_opt *frame = skt_endpoint_option(e, "frame");
	struct skt_framing ret = { .kind = SKT_FRAME_NONE, .size = SKT_UDP_MAX };
	const struct skt_fd *raw = skt_stream_raw(bytes);

	if (frame)
		(void)skt_frame_parse(frame->value, &ret);
	else if (skt_endpoint_option(e, "pace"))
		ret = (struct skt_framing){ .kind = SKT_FRAME_CHUNK, .size = MIXING_PACED };
	else if (raw && raw->in_kind == SKT_FD_FILE)
		ret = (struct skt_framing){ .kind = SKT_FRAME_CHUNK, .size = MIXING_PIECE };
	return ret;
}

/* The side of datagrams where the other one has no messages, or -1. */
static int mixing_dgram_side(struct skt_stream *const side[2])
{
	for (int i = 0; i < 2; i++)
		if ((side[i]->flags & SKT_STREAM_DGRAM) && !(side[!i]->flags & SKT_STREAM_MESSAGES))
			return i;
	return -1;
}

static int mixing_frame(const struct skt_endpoint *e, struct skt_stream **side, struct skt_error *err)
{
	struct skt_stream *bytes = *side;
	struct skt_framing framing = mixing_framing(e, bytes);

	*side = NULL;
	return skt_frame_new(bytes, &framing, side, err);
}

/* On the side of bytes, from below: pieces that are messages, and the time of each. The clock of an MPEG stream is read from its
 * packets, which become messages there. */
static int mixing_layers(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream **side,
			 const struct skt_mixing_notice *notice, struct skt_error *err)
{
	const struct skt_opt *pace = skt_endpoint_option(e, "pace");
	struct skt_pacing pacing = { .notice = notice->tell, .user = notice->user };
	struct skt_stream *below;
	int ret = 0;

	if (pace)
		(void)skt_pace_parse(pace->value, &pacing);
	if (!pace || pacing.kind == SKT_PACE_RATE)
		ret = mixing_frame(e, side, err);
	if (ret < 0 || !pace)
		return ret;
	(void)skt_slice_set(MIXING_SLICE);
	below = *side;
	*side = NULL;
	return skt_pace_new(loop, below, &pacing, side, err);
}

static int mixing_rtp(struct skt_loop *loop, struct skt_stream **side, struct skt_error *err)
{
	struct skt_stream *below = *side;

	*side = NULL;
	return skt_rtp_new(loop, below, side, err);
}

/* Whether it is a video is seen when it comes; then its packets are counted. */
static int mixing_count(struct skt_stream **side, struct skt_error *err)
{
	struct skt_stream *below = *side;

	*side = NULL;
	return skt_tscount_new(below, side, err);
}

/* A WebSocket gives whole messages to whom keeps them, and where frame= says how bytes become messages; else bytes as they come. */
static int mixing_websockets(const struct skt_endpoint *const e[2], struct skt_stream *side[2], struct skt_error *err)
{
	struct skt_ws_seen seen;
	bool is_ws[2] = { skt_ws_seen(side[0], &seen), skt_ws_seen(side[1], &seen) };
	int ret = 0;

	for (int i = 0; ret == 0 && i < 2; i++) {
		bool is_framed = skt_endpoint_option(e[i], "frame") != NULL;
		bool has_messages = is_ws[!i] || (side[!i]->flags & SKT_STREAM_MESSAGES);

		if (!is_ws[i])
			continue;
		skt_ws_keep_messages(side[i], is_framed || has_messages);
		skt_ws_take_longer(side[i]);
		if (is_framed && !has_messages)
			ret = mixing_frame(e[i], &side[!i], err);
	}
	return ret;
}

int skt_mixing(struct skt_loop *loop, const struct skt_endpoint *const e[2], struct skt_stream *side[2],
	       const struct skt_mixing_notice *notice, struct skt_error *err)
{
	int ret = mixing_websockets(e, side, err), dgram = ret < 0 ? -1 : mixing_dgram_side(side);

	for (int i = 0; i < 2 && ret == 0; i++)
		if ((side[i]->flags & SKT_STREAM_DGRAM) && skt_endpoint_number(e[i], "rtp", 0))
			ret = mixing_rtp(loop, &side[i], err);
	if (ret < 0 || dgram < 0)
		return ret;
	if (!skt_endpoint_number(e[dgram], "rtp", 0))
		ret = mixing_count(&side[dgram], err);
	return ret < 0 ? ret : mixing_layers(loop, e[dgram], &side[!dgram], notice, err);
}

static bool mixing_keeps_messages(const struct skt_endpoint *e)
{
	static const char *const schemes[] = { "unix-seqpacket", "echo", "discard", "chargen", "daytime", "text" };

	if (strcmp(e->layer[0]->name, "ws") == 0)
		return true;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strcmp(skt_endpoint_transport(e)->name, schemes[i]) == 0)
			return true;
	return skt_endpoint_transport(e)->is_dgram;
}

bool skt_mixing_is_guessed(const struct skt_endpoint *from, const struct skt_endpoint *to)
{
	const struct skt_endpoint *dgram = skt_endpoint_transport(from)->is_dgram ? from : to;

	if (!skt_endpoint_transport(dgram)->is_dgram || skt_endpoint_option(dgram, "frame") ||
	    strcmp(skt_endpoint_transport(from)->name, "file") == 0)
		return false;
	return !mixing_keeps_messages(dgram == from ? to : from);
}

/* The first of frame= and pace= at an endpoint, or NULL. */
static const struct skt_opt *mixing_option(const struct skt_endpoint *e)
{
	const struct skt_opt *frame = skt_endpoint_option(e, "frame");

	return frame ? frame : skt_endpoint_option(e, "pace");
}

int skt_mixing_check(const struct skt_endpoint *from, const struct skt_endpoint *to, struct skt_error *err)
{
	const struct skt_endpoint *const e[2] = { from, to };

	for (int i = 0; i < 2; i++) {
		const struct skt_opt *frame = skt_endpoint_option(e[i], "frame"),
				     *pace = skt_endpoint_option(e[i], "pace");
		const struct skt_opt *o = mixing_option(e[i]);

		if (o && mixing_keeps_messages(from) && mixing_keeps_messages(to)) {
			(void)skt_fail_at(err, o->at, _("%s= has no use there: both sides have messages"), o->spec->key);
			skt_hint(err, "%s", _("it says how the bytes of the other side become messages: leave it out"));
			return -SKT_E_USAGE;
		}
		if (frame && pace && strcmp(pace->value, "pcr") == 0) {
			(void)skt_fail_at(err, frame->at, "%s",
					  _("pace=pcr makes the messages itself: leave frame= out"));
			return -SKT_E_USAGE;
		}
	}
	return 0;
}
