/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in any pieces as what a proxy says: nothing crashes, opening ends in the same way, and the same bytes are the target's.
 * The first byte chooses the protocol and whether there is a login, the second the pieces. */
#include "below.h"

#include "io/filter/tunnel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_open(struct skt_stream *s)
{
	int ret;

	do {
		ret = skt_stream_open(s);
	} while (ret == -SKT_AGAIN);
	if (ret != 0 && ret != -SKT_E_PEER && ret != -SKT_E_DENIED && ret != -SKT_E_REFUSED && ret != -SKT_E_TIMEOUT)
		fuzz_stop("a failure of a kind that a tunnel has not");
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
	do {
		byte = fuzz_byte(whole);
		if (fuzz_byte(pieces) != byte)
			fuzz_stop("the pieces make a difference");
	} while (byte >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_below below[2] = { { .stream.ops = &fuzz_ops }, { .stream.ops = &fuzz_ops } };
	struct skt_tunnel_to to = { .proxy = "proxy", .host = "target", .port = 80 };
	struct skt_stream *s[2] = { NULL, NULL };

	if (size < 2)
		return 0;
	to.kind = (enum skt_tunnelkind)(data[0] % 3);
	to.user = data[0] & 128 ? "user" : NULL;
	to.password = data[0] & 128 && to.kind != SKT_TUNNEL_SOCKS4A ? "secret" : NULL;
	for (int i = 0; i < 2; i++) {
		below[i].data = data + 2;
		below[i].n = size - 2;
		below[i].piece = i ? 1U + data[1] : 0;
		if (skt_tunnel_new(&below[i].stream, &to, &s[i], NULL) < 0)
			fuzz_stop("no tunnel");
	}
	fuzz_compare(s[0], s[1]);
	if (below[0].n_written != below[1].n_written)
		fuzz_stop("the pieces make a difference in what is said");
	skt_stream_free(s[0]);
	skt_stream_free(s[1]);
	return 0;
}
