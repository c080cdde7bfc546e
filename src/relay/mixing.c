/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a side of bytes and a side of datagrams.
 *
 * How it works: the options stand at the datagram endpoint, because it is the one that has messages; the layers go on the other side,
 * whose bytes are to become messages. So the datagram side stays bare, and two of those are joined without any layer. */
#include "relay/mixing.h"

#include <string.h>

#include "io/dgram.h"
#include "io/fd.h"
#include "io/filter/frame.h"

/* A file is cut into pieces that pass everywhere; whatever else comes as it is read. */
enum { MIXING_PIECE = 1400 };

static struct skt_framing mixing_framing(const struct skt_endpoint *e, struct skt_stream *bytes)
{
	const struct skt_opt *frame = skt_endpoint_option(e, "frame");
	struct skt_framing ret = { .kind = SKT_FRAME_NONE, .size = SKT_UDP_MAX };
	const struct skt_fd *raw = skt_stream_raw(bytes);

	if (frame)
		(void)skt_frame_parse(frame->value, &ret);
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

int skt_mixing(struct skt_loop *loop, const struct skt_endpoint *const e[2], struct skt_stream *side[2],
	       struct skt_error *err)
{
	int dgram = mixing_dgram_side(side), ret;
	struct skt_framing framing;
	struct skt_stream *bytes;

	(void)loop;
	if (dgram < 0)
		return 0;
	bytes = side[!dgram];
	framing = mixing_framing(e[dgram], bytes);
	side[!dgram] = NULL;
	ret = skt_frame_new(bytes, &framing, &side[!dgram], err);
	return ret;
}

static bool mixing_keeps_messages(const struct skt_endpoint *e)
{
	static const char *const schemes[] = { "unix-seqpacket", "echo", "discard", "chargen", "daytime", "text" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strcmp(skt_endpoint_transport(e)->name, schemes[i]) == 0)
			return true;
	return skt_endpoint_transport(e)->is_dgram;
}

bool skt_mixing_is_guessed(const struct skt_endpoint *from, const struct skt_endpoint *to)
{
	const struct skt_endpoint *dgram = skt_endpoint_transport(from)->is_dgram ? from : to;

	if (!skt_endpoint_transport(dgram)->is_dgram || skt_endpoint_option(dgram, "frame"))
		return false;
	return !mixing_keeps_messages(dgram == from ? to : from);
}
