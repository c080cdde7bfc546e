/* SPDX-License-Identifier: Apache-2.0 */
/* Events as lines: every JSON member by name, and what people see at which level. */
#include "support.h"

#include "observe/events.h"

static char lines[2048];

static void line(const char *text)
{
	size_t n = strlen(lines);

	(void)snprintf(lines + n, sizeof(lines) - n, "%s\n", text);
}

static int64_t noon(void)
{
	return 43200LL * SKT_SECOND;
}

static const struct skt_error refused = {
	.kind = SKT_E_REFUSED, .sys = 111, .at = -1, .text = "nobody there", .hint = "start it"
};
static const struct skt_error bare = { .kind = SKT_E_IO, .at = -1, .text = "it failed" };

static const char *const from = "tcp://127.0.0.1:1", *const to = "tcp://127.0.0.1:2";

static const char *said(bool json, int level, const struct skt_event *event)
{
	struct skt_events e = { .json = json, .level = level, .line = line, .clock = noon };

	lines[0] = '\0';
	skt_events_init(&e);
	e.observer.on(&e.observer, event);
	return lines;
}

#define STAMP "\"time\":\"1970-01-01T12:00:00.000Z\""

static void the_json_members_keep_their_names(void **state)
{
	const struct {
		struct skt_event event;
		const char *wanted;
	} rows[] = {
		{ { .kind = SKT_EVENT_LISTENING, .from = from, .address = "127.0.0.1", .port = 1 },
		  "{\"event\":\"listening\"," STAMP
		  ",\"endpoint\":\"tcp://127.0.0.1:1\",\"address\":\"127.0.0.1\",\"port\":1}\n" },
		{ { .kind = SKT_EVENT_LISTENING, .from = "unix:/run/x", .path = "/run/x" },
		  "{\"event\":\"listening\"," STAMP ",\"endpoint\":\"unix:/run/x\",\"path\":\"/run/x\"}\n" },
		{ { .kind = SKT_EVENT_OPENED, .link = 7, .from = from, .to = to },
		  "{\"event\":\"opened\"," STAMP
		  ",\"link\":7,\"from\":\"tcp://127.0.0.1:1\",\"to\":\"tcp://127.0.0.1:2\"}\n" },
		{ { .kind = SKT_EVENT_CLOSED,
		    .link = 7,
		    .from = from,
		    .to = to,
		    .sent = 10,
		    .received = 20,
		    .duration = 30,
		    .how = "done" },
		  "{\"event\":\"closed\"," STAMP ",\"link\":7,\"from\":\"tcp://127.0.0.1:1\",\"to\":\"tcp://127.0.0.1:2\","
		  "\"sent\":10,\"received\":20,\"duration_ns\":30,\"how\":\"done\"}\n" },
		{ { .kind = SKT_EVENT_CLOSED, .link = 8, .from = from, .to = to, .how = "failed", .err = &bare },
		  "{\"event\":\"closed\"," STAMP ",\"link\":8,\"from\":\"tcp://127.0.0.1:1\",\"to\":\"tcp://127.0.0.1:2\","
		  "\"sent\":0,\"received\":0,\"duration_ns\":0,\"how\":\"failed\",\"error\":{\"kind\":\"io\",\"text\":\"it failed\"}}\n" },
		{ { .kind = SKT_EVENT_FAILED, .link = 9, .from = from, .err = &refused },
		  "{\"event\":\"failed\"," STAMP ",\"link\":9,\"from\":\"tcp://127.0.0.1:1\",\"error\":{\"kind\":\"refused\","
		  "\"text\":\"nobody there\",\"hint\":\"start it\",\"errno\":111}}\n" },
		{ { .kind = SKT_EVENT_REFUSED, .from = from },
		  "{\"event\":\"refused\"," STAMP ",\"from\":\"tcp://127.0.0.1:1\"}\n" },
		{ { .kind = SKT_EVENT_STATS, .links = 1, .failed = 2, .refused = 3, .sent = 4, .received = 5, .duration = 6 },
		  "{\"event\":\"stats\"," STAMP
		  ",\"links\":1,\"failed\":2,\"refused\":3,\"sent\":4,\"received\":5,\"duration_ns\":6}\n" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		assert_string_equal(said(true, 0, &rows[i].event), rows[i].wanted);
		assert_string_equal(said(true, -1, &rows[i].event), rows[i].wanted); /* a program sees all at every level */
	}
}

static void stopping_is_told_with_how_many_and_how_long(void **state)
{
	struct skt_event event = { .kind = SKT_EVENT_STOPPING, .links = 2, .duration = 5 * SKT_SECOND };
	const char *json = said(true, 0, &event);

	(void)state;
	assert_non_null(strstr(json, "\"event\":\"stopping\""));
	assert_non_null(strstr(json, "\"links\":2"));
	assert_non_null(strstr(json, "\"duration_ns\":5000000000"));
	assert_non_null(strstr(said(false, 0, &event), "2 links are still open and may go on for 5.0 s"));
	event.links = 1;
	assert_non_null(strstr(said(false, 0, &event), "1 link is still open"));
}

static void people_see_what_their_level_asks_for(void **state)
{
	static const struct skt_event listening = {
		.kind = SKT_EVENT_LISTENING, .from = "tcp://[::1]:1", .address = "::1", .port = 1
	};
	const struct skt_event opened = { .kind = SKT_EVENT_OPENED, .link = 7, .from = from, .to = to };
	const struct skt_event closed = { .kind = SKT_EVENT_CLOSED,
					  .link = 7,
					  .from = from,
					  .to = to,
					  .sent = 2048,
					  .received = 3,
					  .duration = 2 * SKT_SECOND,
					  .how = "failed",
					  .err = &bare };
	const struct skt_event failed = { .kind = SKT_EVENT_FAILED, .link = 8, .from = from, .err = &refused };
	const struct skt_event denied = { .kind = SKT_EVENT_REFUSED, .from = from };

	(void)state;
	assert_string_equal(said(false, 0, &listening), "listening on tcp://[::1]:1\n");
	assert_string_equal(said(false, -1, &listening), "");
	assert_string_equal(said(false, 0, &opened), "");
	assert_string_equal(said(false, 1, &opened), "link 7 opened: tcp://127.0.0.1:1 to tcp://127.0.0.1:2\n");
	assert_string_equal(said(false, 0, &closed), "");
	assert_string_equal(said(false, 1, &closed), "link 7 closed: 2.00 KiB sent, 3 B received, 2.0 s: it failed\n");
	assert_string_equal(said(false, 0, &failed), "no link for tcp://127.0.0.1:1: nobody there\nstart it\n");
	assert_string_equal(said(false, -1, &failed), "");
	assert_string_equal(said(false, 0, &denied), "");
	assert_string_equal(said(false, 1, &denied), "refused tcp://127.0.0.1:1: not in the access list\n");
}

static void the_failure_of_the_only_link_is_left_to_the_command(void **state)
{
	const struct skt_event failed = { .kind = SKT_EVENT_FAILED, .from = from, .err = &refused };
	struct skt_events e = { .only_one = true, .line = line, .clock = noon };

	(void)state;
	skt_events_init(&e);
	lines[0] = '\0';
	e.observer.on(&e.observer, &failed);
	assert_string_equal(lines, "");
	e.json = true;
	e.observer.on(&e.observer, &failed);
	assert_non_null(strstr(lines, "\"failed\""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_json_members_keep_their_names),
		SUPPORT_TEST(stopping_is_told_with_how_many_and_how_long),
		SUPPORT_TEST(people_see_what_their_level_asks_for),
		SUPPORT_TEST(the_failure_of_the_only_link_is_left_to_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
