/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in any pieces, as frames of any kind: nothing crashes, no message is longer than it may be, and the pieces make no
 * difference. The first byte chooses the kind, the second the pieces. */
#include "below.h"

#include "io/filter/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_room[2][256 * 1024];

static ssize_t fuzz_next(struct skt_stream *s, char *buf)
{
	ssize_t got;

	do {
		got = skt_stream_read(s, buf, sizeof(fuzz_room[0]));
	} while (got == -SKT_AGAIN);
	if (got > SKT_FRAME_MAX)
		fuzz_stop("a message that is too long");
	if (got < 0 && got != -SKT_EMPTY && got != -SKT_E_PEER && got != -SKT_E_LIMIT)
		fuzz_stop("a failure of a kind that framing has not");
	return got;
}

static void fuzz_compare(struct skt_stream *whole, struct skt_stream *pieces)
{
	ssize_t a, b;

	do {
		a = fuzz_next(whole, fuzz_room[0]);
		b = fuzz_next(pieces, fuzz_room[1]);
		if (a != b || (a > 0 && memcmp(fuzz_room[0], fuzz_room[1], (size_t)a) != 0))
			fuzz_stop("the pieces make a difference");
	} while (a > 0 || a == -SKT_EMPTY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_below below[2] = { { .stream.ops = &fuzz_ops }, { .stream.ops = &fuzz_ops } };
	struct skt_framing how;
	struct skt_stream *s[2] = { NULL, NULL };
	char value[32];

	if (size < 2)
		return 0;
	(void)snprintf(value, sizeof(value), "%.*s", (int)(size < 31 ? size : 31), (const char *)data);
	if (skt_frame_parse(value, &how) > (int)strlen(value))
		fuzz_stop("an error that points outside the value");
	how.kind = (enum skt_frame)(1 + data[0] % 4);
	how.size = how.kind == SKT_FRAME_CHUNK ? 1U + data[0] * 200U : 0;
	for (int i = 0; i < 2; i++) {
		below[i].data = data + 2;
		below[i].n = size - 2;
		below[i].piece = i ? 1U + data[1] : 0;
		if (skt_frame_new(&below[i].stream, &how, &s[i], NULL) < 0)
			fuzz_stop("no memory");
	}
	fuzz_compare(s[0], s[1]);
	skt_stream_free(s[0]);
	skt_stream_free(s[1]);
	return 0;
}
