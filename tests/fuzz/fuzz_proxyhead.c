/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in any pieces where a PROXY header should come: nothing crashes, opening ends in the same way, the same header is seen, and
 * the same bytes are the client's. The first byte chooses the pieces. */
#include "below.h"

#include "io/filter/proxyhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_open(struct skt_stream *s)
{
	int ret;

	do {
		ret = skt_stream_open(s);
	} while (ret == -SKT_AGAIN);
	if (ret != 0 && ret != -SKT_E_PEER)
		fuzz_stop("a failure of a kind that a reader has not");
	return ret;
}

/* The next byte, or -1 at the end. */
static int fuzz_byte(struct skt_stream *s)
{
	unsigned char byte;
	ssize_t got;

	do {
		got = skt_stream_read(s, &byte, 1);
	} while (got == -SKT_AGAIN);
	return got == 1 ? byte : -1;
}

static void fuzz_seen(struct skt_stream *whole, struct skt_stream *pieces)
{
	static struct skt_proxyhead seen[2]; /* static: no byte between their members differs */

	if (!skt_proxyhead_seen(whole, &seen[0]) || !skt_proxyhead_seen(pieces, &seen[1]))
		fuzz_stop("no header is seen");
	if (memcmp(&seen[0], &seen[1], sizeof(seen[0])) != 0)
		fuzz_stop("the pieces make a difference in what is seen");
}

static void fuzz_compare(struct skt_stream *whole, struct skt_stream *pieces)
{
	int ret = fuzz_open(whole), byte;
	struct skt_error err = { 0 };

	if (fuzz_open(pieces) != ret)
		fuzz_stop("opening ends in another way");
	if (ret < 0) {
		skt_stream_why(whole, &err);
		if ((int)err.kind != -ret || !err.text[0])
			fuzz_stop("a failure without words");
		return;
	}
	fuzz_seen(whole, pieces);
	do {
		byte = fuzz_byte(whole);
		if (fuzz_byte(pieces) != byte)
			fuzz_stop("the pieces make a difference");
	} while (byte >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_below below[2] = { { .stream.ops = &fuzz_ops }, { .stream.ops = &fuzz_ops } };
	struct skt_stream *s[2] = { NULL, NULL };

	if (size < 1)
		return 0;
	for (int i = 0; i < 2; i++) {
		below[i].data = data + 1;
		below[i].n = size - 1;
		below[i].piece = i ? 1U + data[0] : 0;
		if (skt_proxyhead_new_reader(&below[i].stream, &s[i], NULL) < 0)
			fuzz_stop("no memory");
	}
	fuzz_compare(s[0], s[1]);
	skt_stream_free(s[0]);
	skt_stream_free(s[1]);
	return 0;
}
