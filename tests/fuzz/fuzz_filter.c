/* SPDX-License-Identifier: Apache-2.0 */
/* Any words, as a filter of either scope: nothing crashes, errors point into the words, and what is accepted can be matched against
 * sockets of every kind; before names are known it refuses nothing that it takes afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "inspect/filter.h"

enum { WORDS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_names[] = "/run/x.sock\0abc";
static struct skt_tcpinfo fuzz_info = { .rtt = 5 * SKT_MS, .bytes_sent = 100, .congestion_window = 10 };
static struct skt_netns fuzz_netns = { .inode = 4026531840, .name = "blue", .pid = 7 };
static struct skt_census fuzz_census = {
	.table = { .info = &fuzz_info,
		   .n_info = 1,
		   .names = { .s = fuzz_names, .len = sizeof(fuzz_names) - 1, .cap = sizeof(fuzz_names) } },
	.netns = &fuzz_netns,
	.n_netns = 1,
};

static const struct skt_sock fuzz_socks[] = {
	{ .proto = SKT_PROTO_TCP,
	  .state = SKT_STATE_LISTEN,
	  .local = { 4, { 0 } },
	  .local_port = 80,
	  .has_queue = true,
	  .info = -1 },
	{ .proto = SKT_PROTO_TCP,
	  .state = SKT_STATE_ESTABLISHED,
	  .local = { 6, { [15] = 1 } },
	  .remote = { 6, { 0xfe, 0x80 } },
	  .local_port = 40000,
	  .remote_port = 443,
	  .uid = UINT32_MAX,
	  .info = 0 },
	{ .proto = SKT_PROTO_UDP, .state = SKT_STATE_CLOSE, .local = { 4, { 127, 0, 0, 1 } }, .local_port = 53, .info = -1 },
	{ .proto = SKT_PROTO_UNIX, .state = SKT_STATE_LISTEN, .name_len = 11, .info = -1 },
	{ .proto = SKT_PROTO_UNIX_DGRAM, .state = SKT_STATE_CLOSE, .name = 11, .name_len = 4, .info = -1 },
	{ .proto = SKT_PROTO_UNIX_SEQPACKET, .state = SKT_STATE_LISTEN, .info = -1 },
	{ .proto = SKT_PROTO_VSOCK, .state = SKT_STATE_LISTEN, .local_cid = UINT32_MAX, .local_port = 100000, .info = -1 },
};

static void fuzz_stop(const char *why, const char *text)
{
	(void)fprintf(stderr, "%s\n  %s\n", why, text);
	abort();
}

static void fuzz_check_error(size_t length, const struct skt_error *err)
{
	if (err->kind != SKT_E_USAGE && err->kind != SKT_E_LIMIT)
		fuzz_stop("an error of a kind that parsing has not", err->text);
	if (err->text[0] == '\0' || err->hint[0] == '\0')
		fuzz_stop("an error without words", err->text);
	if (err->at < 0 || (size_t)err->at > length)
		fuzz_stop("an error that points outside the words", err->text);
}

static void fuzz_match(const struct skt_filter *f)
{
	static const struct skt_measured measured = { .sent_rate = 1, .received_rate = -1, .age_least = 5, .age_most = -1 };
	struct skt_look look = { .states = SKT_STATES_ALL };

	skt_filter_narrow(f, &look);
	for (size_t i = 0; i < SKT_LENGTH(fuzz_socks); i++) {
		const struct skt_sock *s = &fuzz_socks[i];
		bool early = skt_filter_may_match(f, NULL, s), later = skt_filter_may_match(f, &fuzz_census.table, s);
		bool all = skt_filter_matches(f, &fuzz_census, s, NULL);

		if ((later && !early) || (all && !later))
			fuzz_stop("refused first and taken later", skt_proto_name(s->proto));
		if (all && look.protos && !(look.protos >> s->proto & 1))
			fuzz_stop("a match that the look would not see", skt_proto_name(s->proto));
		(void)skt_filter_matches(f, &fuzz_census, s, &measured);
	}
	(void)skt_filter_wants_owners(f);
	(void)skt_filter_wants_info(f);
	(void)skt_filter_wants_rates(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *words[WORDS_MAX];
	size_t length;
	int n = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	length = strlen(text);
	for (char *word = text; word && n < WORDS_MAX; n++) {
		char *end = strchr(word, '\n');

		words[n] = word;
		if (end)
			*end++ = '\0';
		word = end;
	}
	for (int scope = SKT_FILTER_PORTS; scope <= SKT_FILTER_FLOWS; scope++) {
		struct skt_filter *f = NULL;
		struct skt_error err = { 0 };

		if (skt_filter_parse(words, n, (enum skt_filter_scope)scope, &f, &err) < 0)
			fuzz_check_error(length, &err);
		else
			fuzz_match(f);
		skt_filter_free(f);
	}
	free(text);
	return 0;
}
