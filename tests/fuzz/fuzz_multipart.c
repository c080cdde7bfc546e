/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a form: the same parts are found in whatever pieces it comes. The first byte chooses the pieces. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static int fuzz_begin(void *user, const char *name, const char *file)
{
	const char *last = file ? skt_multipart_file_name(file) : NULL;

	if (last && (strpbrk(last, "/\\\n\r") || strcmp(last, "..") == 0 || !*last))
		fuzz_stop("a name that no file may have");
	skt_text_addf(user, "%s|%s=", name, file ? file : "");
	return 0;
}

static int fuzz_bytes(void *user, const char *bytes, size_t n)
{
	if (n == 0)
		fuzz_stop("nothing is given on");
	skt_text_addn(user, bytes, n);
	return 0;
}

static int fuzz_end(void *user)
{
	skt_text_addc(user, ';');
	return 0;
}

static int fuzz_parse(const char *bytes, size_t n, size_t piece, struct skt_text *ret)
{
	static const struct skt_multipart_ops ops = { fuzz_begin, fuzz_bytes, fuzz_end };
	static const char type[] = "multipart/form-data; boundary=b";
	struct skt_multipart m;
	int status = 0;

	if (!skt_multipart_init(&m, (struct skt_span){ type, sizeof(type) - 1 }, &ops, ret))
		fuzz_stop("no form");
	for (size_t i = 0; i < n && status == 0; i += piece)
		status = skt_multipart_feed(&m, bytes + i, n - i < piece ? n - i : piece);
	return status ? status : skt_multipart_is_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skt_text whole = { 0 }, pieces = { 0 };
	struct skt_multipart m;
	int status;

	if (size < 2)
		return 0;
	(void)skt_multipart_init(&m, (struct skt_span){ (const char *)data, size }, NULL, NULL);
	status = fuzz_parse((const char *)data + 1, size - 1, size, &whole);
	if (fuzz_parse((const char *)data + 1, size - 1, 1U + data[0], &pieces) != status)
		fuzz_stop("the pieces make a difference in the end");
	if (whole.len != pieces.len || (whole.len && memcmp(whole.s, pieces.s, whole.len) != 0))
		fuzz_stop("the pieces make a difference");
	skt_text_release(&whole);
	skt_text_release(&pieces);
	return 0;
}
