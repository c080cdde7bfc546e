/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request's head and body: what is parsed lies within the bytes, and a body is the same in whatever pieces it comes. The first
 * byte chooses the pieces. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/inbody.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_within(struct skt_span s, const char *bytes, size_t n)
{
	static const char root[] = "/";

	if (s.s && s.n && strncmp(s.s, root, s.n) != 0 && (s.s < bytes || s.s + s.n > bytes + n))
		fuzz_stop("a span beyond the bytes");
}

static int fuzz_take(void *user, const char *bytes, size_t n)
{
	skt_text_addn(user, bytes, n);
	return 0;
}

/* What a body says in pieces: its content, and how it ended. */
static int fuzz_body(const struct skt_request *r, const char *bytes, size_t n, size_t piece, struct skt_text *ret,
		     size_t *rest)
{
	struct skt_inbody *b = skt_inbody_new(r, fuzz_take, ret);
	int status = 0;
	size_t at = 0, used;

	while (status == 0 && at < n && !skt_inbody_is_done(b)) {
		status = skt_inbody_feed(b, bytes + at, n - at < piece ? n - at : piece, &used);
		at += used;
	}
	if (status == 0 && skt_inbody_is_done(b))
		status = 1;
	*rest = n - at;
	skt_inbody_free(b);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1, *why = NULL;
	struct skt_text whole = { 0 }, pieces = { 0 };
	size_t seen = 0, end, rest[2];
	struct skt_request r;
	int status;

	if (size < 5)
		return 0;
	end = skt_head_end(bytes, size - 1, &seen);
	if (end == 0)
		return 0;
	status = skt_request_parse(bytes, end, &r, &why);
	if (status) {
		if (status < 400 || status > 599 || !why)
			fuzz_stop("a refusal without a status or a reason");
		return 0;
	}
	if (r.path.n == 0 || (r.path.s[0] != '/' && r.method != SKT_METHOD_OPTIONS) || r.length < 0 ||
	    (r.is_chunked && r.length))
		fuzz_stop("a request that cannot be one");
	fuzz_within(r.path, bytes, end);
	fuzz_within(r.query, bytes, end);
	fuzz_within(r.fields, bytes, end);
	for (int i = 0; i < SKT_FIELDS; i++)
		fuzz_within(r.field[i], bytes, end);
	status = fuzz_body(&r, bytes + end, size - 1 - end, SIZE_MAX, &whole, &rest[0]);
	if (fuzz_body(&r, bytes + end, size - 1 - end, 1U + data[0], &pieces, &rest[1]) != status)
		fuzz_stop("the pieces make a difference in the end");
	if (status == 1 &&
	    (rest[0] != rest[1] || whole.len != pieces.len || (whole.len && memcmp(whole.s, pieces.s, whole.len) != 0)))
		fuzz_stop("the pieces make a difference");
	skt_text_release(&whole);
	skt_text_release(&pieces);
	return 0;
}
