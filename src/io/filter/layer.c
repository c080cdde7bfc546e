/* SPDX-License-Identifier: Apache-2.0 */
/* What every layer over another stream does in the same way. */
#include "io/filter/layer.h"

/* Facts about the peer and the ends of the chain, which no layer changes. Whether there are messages is the layer's own affair. */
#define LAYER_FACTS                                                                                    \
	((unsigned)(SKT_STREAM_STDIO | SKT_STREAM_TERMINAL | SKT_STREAM_WILL_RESET | SKT_STREAM_GONE | \
		    SKT_STREAM_CHILD | SKT_STREAM_DGRAM | SKT_STREAM_HOLDS))

void skt_layer_follow(struct skt_stream *layer)
{
	layer->flags = (uint16_t)((layer->flags & ~LAYER_FACTS) | (layer->below->flags & LAYER_FACTS));
}

void skt_layer_wake(void *layer)
{
	skt_layer_follow(layer);
	skt_stream_wake(layer);
}

void skt_layer_init(struct skt_stream *layer, const struct skt_stream_ops *ops, struct skt_stream *below,
		    void (*woken)(void *layer))
{
	layer->ops = ops;
	layer->below = below;
	skt_layer_follow(layer);
	skt_stream_on_wake(below, woken ? woken : skt_layer_wake, layer);
}

int skt_layer_open(struct skt_stream *s)
{
	int ret = skt_stream_open(s->below);

	skt_layer_follow(s);
	return ret;
}

int skt_layer_shut(struct skt_stream *s)
{
	int ret = skt_stream_shut(s->below);

	skt_layer_follow(s);
	return ret;
}

int skt_layer_finish(struct skt_stream *s, bool cut, int *status)
{
	int ret = skt_stream_finish(s->below, cut, status);

	skt_layer_follow(s);
	return ret;
}

int skt_layer_fail_memory(struct skt_stream *layer)
{
	struct skt_error err = { 0 };

	(void)skt_fail_memory(&err);
	return skt_stream_fail(layer, &err);
}
