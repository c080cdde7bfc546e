/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what a receiver of media counts. */
#include "io/filter/media.h"

#include "base/alloc.h"

const struct skt_media *skt_media_of(const struct skt_stream *s)
{
	const struct skt_media *found = NULL;

	for (; s; s = s->below) {
		if (s->ops != &skt_rtp_ops && s->ops != &skt_tscount_ops)
			continue;
		if (!found || s->ops == &skt_rtp_ops)
			found = &((const struct skt_counting *)(const void *)s)->media;
	}
	return found;
}
