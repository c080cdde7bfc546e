/* SPDX-License-Identifier: Apache-2.0 */
/* What every layer over another stream does in the same way: owning it, passing its wakes up, and knowing what is known of it. */
#ifndef SKT_IO_FILTER_LAYER_H
#define SKT_IO_FILTER_LAYER_H

#include "io/stream.h"

/* Make the zeroed `layer`, which is part of a larger struct, stand on `below`, which it then owns. `woken(layer)` is called when below
 * can go on, and ends with skt_layer_wake(); NULL: only that. */
void skt_layer_init(struct skt_stream *layer, const struct skt_stream_ops *ops, struct skt_stream *below,
		    void (*woken)(void *layer));
/* Take over what below has become: a terminal, a program, gone. */
void skt_layer_follow(struct skt_stream *layer);
/* Follow, and tell whoever uses the layer. It may be freed afterwards. */
void skt_layer_wake(void *layer);

/* Operations that most layers have: opening, shutting and finishing what is below, and following it. */
int skt_layer_open(struct skt_stream *s);
int skt_layer_shut(struct skt_stream *s);
int skt_layer_finish(struct skt_stream *s, bool cut, int *status);

/* Out of memory, kept as the layer's failure. Returns -SKT_E_LIMIT. */
int skt_layer_fail_memory(struct skt_stream *layer);

#endif
