/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a reply of a SOCKS proxy: the verdict is the same at once and step by step, and no step asks for a byte behind the reply.
 * The same bytes as names and logins: what is not objected to fits, and CONNECT is a sound request. The first byte chooses the
 * reply. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/httpconnect.h"
#include "wire/httphead.h"
#include "wire/printable.h"
#include "wire/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_reply(enum skt_socksreply which, const uint8_t *data, size_t size)
{
	struct skt_socksanswer whole = skt_socks_parse(which, data, size), step = { SKT_SOCKS_MORE, 0, 0 };
	size_t have = 0;

	for (;;) {
		step = skt_socks_parse(which, data, have);
		if (step.verdict != SKT_SOCKS_MORE || have == size)
			break;
		if (step.n == 0)
			fuzz_stop("more, but nothing is needed");
		have = size - have < step.n ? size : have + step.n;
	}
	if (step.verdict != whole.verdict || step.code != whole.code)
		fuzz_stop("the steps make a difference");
	if (step.verdict == SKT_SOCKS_OK && (have != step.n || step.n != whole.n))
		fuzz_stop("not the reply's length");
	if (step.verdict == SKT_SOCKS_REFUSED && !skt_socks_why(which, step.code)->text)
		fuzz_stop("a refusal without words");
}

static void fuzz_request(const char *user, const char *password, const char *host)
{
	struct skt_text text = { 0 }, authority = { 0 };
	static struct skt_head head;
	const char *why;

	skt_text_addf(&authority, "%s:1", host);
	skt_httpconnect_add(&text, skt_text_get(&authority), user, password);
	if (skt_head_parse(SKT_HEAD_REQUEST, skt_text_get(&text), text.len, &head, &why) < 0 || head.n_fields != 2)
		fuzz_stop("CONNECT is no request");
	skt_text_release(&text);
	skt_text_release(&authority);
}

static void fuzz_texts(const uint8_t *data, size_t size)
{
	char user[600], password[600], host[600], said[SKT_PRINTABLE_LENGTH];
	unsigned char room[SKT_SOCKS_ROOM];
	const char *bytes = (const char *)data;

	(void)snprintf(user, sizeof(user), "%.*s", (int)(size / 3), bytes);
	(void)snprintf(password, sizeof(password), "%.*s", (int)(size / 3), bytes + size / 3);
	(void)snprintf(host, sizeof(host), "%.*s", (int)(size / 3), bytes + size / 3 * 2);
	if (strlen(skt_printable(data, size, said)) >= SKT_PRINTABLE_LENGTH)
		fuzz_stop("printed too long");
	if (!skt_socks5_objection(user, password, host) &&
	    (skt_socks5_login(user, password, room) > sizeof(room) || skt_socks5_connect(host, 1, room) > sizeof(room)))
		fuzz_stop("a message that is too long");
	if (!skt_socks4a_objection(user, NULL, host) && skt_socks4a_connect(user, host, 1, room) > sizeof(room))
		fuzz_stop("a message that is too long");
	if (!skt_httpconnect_objection(user, password, host))
		fuzz_request(user, password, host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	fuzz_reply((enum skt_socksreply)(data[0] % 4), data + 1, size - 1);
	fuzz_texts(data + 1, size - 1 < 1500 ? size - 1 : 1500);
	return 0;
}
