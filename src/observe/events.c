/* SPDX-License-Identifier: Apache-2.0 */
/* Events as lines. The JSON names are an interface: they never change. */
#include "observe/events.h"

#include <stddef.h>

#include "base/json.h"
#include "base/message.h"
#include "base/text.h"

enum {
	MEMBER_FROM = 1,
	MEMBER_TO = 2,
	MEMBER_BYTES = 4,
	MEMBER_ERROR = 8,
	MEMBER_TOTALS = 16,
	MEMBER_TIME = 32,
	MEMBER_LINK = 64
};

/* What each kind is called, which members it has, and from which level on people see it. */
static const struct events_row {
	const char *name;
	unsigned members;
	int level;
} events_rows[] = {
	[SKT_EVENT_LISTENING] = { "listening", 0, 0 },
	[SKT_EVENT_OPENED] = { "opened", MEMBER_LINK | MEMBER_FROM | MEMBER_TO, 1 },
	[SKT_EVENT_CLOSED] = { "closed",
			       MEMBER_LINK | MEMBER_FROM | MEMBER_TO | MEMBER_BYTES | MEMBER_TIME | MEMBER_ERROR, 1 },
	[SKT_EVENT_FAILED] = { "failed", MEMBER_LINK | MEMBER_FROM | MEMBER_ERROR, 0 },
	[SKT_EVENT_REFUSED] = { "refused", MEMBER_FROM, 1 },
	[SKT_EVENT_STOPPING] = { "stopping", MEMBER_TIME | MEMBER_TOTALS, 0 },
	[SKT_EVENT_NOTICE] = { "notice", MEMBER_FROM, 0 },
	[SKT_EVENT_STATS] = { "stats", MEMBER_TOTALS | MEMBER_BYTES | MEMBER_TIME, -1 },
};

static void events_json_error(struct skt_json *j, const struct skt_error *err)
{
	skt_json_object(j, "error");
	skt_json_string(j, "kind", skt_err_name(err->kind));
	skt_json_string(j, "text", err->text);
	if (err->hint[0])
		skt_json_string(j, "hint", err->hint);
	if (err->sys)
		skt_json_int(j, "errno", err->sys);
	skt_json_end_object(j);
}

static void events_json_listening(struct skt_json *j, const struct skt_event *event)
{
	skt_json_string(j, "endpoint", event->from);
	if (event->path) {
		skt_json_string(j, "path", event->path);
	} else {
		skt_json_string(j, "address", event->address);
		skt_json_int(j, "port", event->port);
	}
	if (!event->pin)
		return;
	skt_json_string(j, "pin", event->pin);
	skt_json_string(j, "fingerprint", event->fingerprint);
}

static void events_json_messages(struct skt_json *j, const struct skt_messages *m)
{
	skt_json_int(j, "messages_sent", (int64_t)m->sent);
	skt_json_int(j, "messages_received", (int64_t)m->received);
	skt_json_int(j, "messages_dropped", (int64_t)m->dropped);
	skt_json_int(j, "messages_overflowed", (int64_t)m->overflowed);
	skt_json_int(j, "messages_unreachable", (int64_t)m->unreachable);
	skt_json_int(j, "messages_too_long", (int64_t)m->too_long);
	skt_json_int(j, "messages_turned_away", (int64_t)m->away);
}

static void events_json_media(struct skt_json *j, const struct skt_media_seen *m)
{
	skt_json_object(j, "media");
	skt_json_string(j, "kind", m->is_rtp ? "rtp" : "ts");
	skt_json_int(j, "received", (int64_t)m->received);
	skt_json_int(j, "lost", (int64_t)m->lost);
	skt_json_int(j, "duplicates", (int64_t)m->duplicates);
	skt_json_int(j, "reordered", (int64_t)m->reordered);
	skt_json_int(j, "malformed", (int64_t)m->malformed);
	skt_json_int(j, "resyncs", (int64_t)m->resyncs);
	if (m->is_rtp)
		skt_json_int(j, "jitter_ns", m->jitter);
	else
		skt_json_null(j, "jitter_ns");
	skt_json_end_object(j);
}

static void events_json(struct skt_events *e, const struct skt_event *event, const struct events_row *row)
{
	struct skt_json j = { 0 };
	char time[SKT_UNIT_LENGTH];

	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", row->name);
	skt_json_string(&j, "time", skt_instant_print(e->clock(), time));
	if (event->kind == SKT_EVENT_LISTENING)
		events_json_listening(&j, event);
	if (row->members & MEMBER_LINK)
		skt_json_int(&j, "link", (int64_t)event->link);
	if (row->members & MEMBER_FROM)
		skt_json_string(&j, "from", event->from);
	if (row->members & MEMBER_TO)
		skt_json_string(&j, "to", event->to);
	if (row->members & MEMBER_TOTALS) {
		skt_json_int(&j, "links", (int64_t)event->links);
		skt_json_int(&j, "failed", (int64_t)event->failed);
		skt_json_int(&j, "refused", (int64_t)event->refused);
	}
	if (event->messages)
		events_json_messages(&j, event->messages);
	if (event->media)
		events_json_media(&j, event->media);
	if (row->members & MEMBER_BYTES) {
		skt_json_int(&j, "sent", (int64_t)event->sent);
		skt_json_int(&j, "received", (int64_t)event->received);
	}
	if (row->members & MEMBER_TIME)
		skt_json_int(&j, "duration_ns", event->duration);
	if (event->ping) {
		skt_json_int(&j, "ping_ns", event->ping);
		skt_json_int(&j, "best_ping_ns", event->best_ping);
	}
	if (event->how)
		skt_json_string(&j, event->kind == SKT_EVENT_NOTICE ? "text" : "how", event->how);
	if ((row->members & MEMBER_ERROR) && event->err)
		events_json_error(&j, event->err);
	skt_json_end_object(&j);
	if (j.text.failed)
		e->has_lost = true;
	else
		e->line(skt_json_get(&j));
	skt_json_release(&j);
}

/* What was lost is said only where something was. */
static void events_text_messages(struct skt_text *t, const struct skt_messages *m)
{
	const struct {
		uint64_t n;
		const char *text;
	} lost[] = {
		{ m->dropped, N_(", %llu dropped here") },
		{ m->overflowed, N_(", %llu lost to a full socket buffer (rcvbuf= makes it larger)") },
		{ m->unreachable, N_(", %llu unreachable") },
		{ m->too_long, N_(", %llu too long for the way") },
		{ m->away, N_(", %llu of peers that there was no room for") },
	};

	skt_text_addf(t, _("; messages: %llu sent, %llu received"), (unsigned long long)m->sent,
		      (unsigned long long)m->received);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		if (lost[i].n)
			skt_text_addf(t, _(lost[i].text), (unsigned long long)lost[i].n);
#pragma GCC diagnostic pop
}

static void events_text_media(struct skt_text *t, const struct skt_media_seen *m)
{
	char jitter[SKT_UNIT_LENGTH];

	skt_text_addf(t,
		      m->is_rtp ? _("; RTP: %llu packets, %llu lost, %llu twice, %llu out of order")
				: _("; video: %llu packets, %llu lost, %llu twice, %llu out of order"),
		      (unsigned long long)m->received, (unsigned long long)m->lost, (unsigned long long)m->duplicates,
		      (unsigned long long)m->reordered);
	if (m->is_rtp)
		skt_text_addf(t, _(", jitter %s"), skt_duration_print(m->jitter, jitter));
}

static void events_text_closed(struct skt_text *t, const struct skt_event *event)
{
	char sent[SKT_UNIT_LENGTH], received[SKT_UNIT_LENGTH], time[SKT_UNIT_LENGTH];

	skt_text_addf(t, _("link %llu closed: %s sent, %s received, %s"), (unsigned long long)event->link,
		      skt_size_print((int64_t)event->sent, sent), skt_size_print((int64_t)event->received, received),
		      skt_duration_print(event->duration, time));
	if (event->messages)
		events_text_messages(t, event->messages);
	if (event->media)
		events_text_media(t, event->media);
	if (event->ping)
		skt_text_addf(t, _("; ping %s, at best %s"), skt_duration_print(event->ping, sent),
			      skt_duration_print(event->best_ping, received));
	if (event->err)
		skt_text_addf(t, ": %s", event->err->text);
}

static void events_text_stats(struct skt_text *t, const struct skt_event *event)
{
	char sent[SKT_UNIT_LENGTH], received[SKT_UNIT_LENGTH], time[SKT_UNIT_LENGTH];

	skt_text_addf(t, _("%llu links, %llu failed, %llu refused; %s sent, %s received; %s"),
		      (unsigned long long)event->links, (unsigned long long)event->failed,
		      (unsigned long long)event->refused, skt_size_print((int64_t)event->sent, sent),
		      skt_size_print((int64_t)event->received, received), skt_duration_print(event->duration, time));
	if (event->messages)
		events_text_messages(t, event->messages);
}

static void events_text_stopping(struct skt_text *t, const struct skt_event *event)
{
	char time[SKT_UNIT_LENGTH];

	skt_text_addf(t,
		      NG_("stopping: %llu link is still open and may go on for %s (Ctrl-C again cuts it)",
			  "stopping: %llu links are still open and may go on for %s (Ctrl-C again cuts them)",
			  event->links),
		      (unsigned long long)event->links, skt_duration_print(event->duration, time));
}

static void events_text(struct skt_events *e, const struct skt_event *event)
{
	struct skt_text t = { 0 };

	switch (event->kind) {
	case SKT_EVENT_LISTENING:
		skt_text_addf(&t, _("listening on %s"), event->from);
		break;
	case SKT_EVENT_OPENED:
		skt_text_addf(&t, _("link %llu opened: %s to %s"), (unsigned long long)event->link, event->from,
			      event->to);
		break;
	case SKT_EVENT_CLOSED:
		events_text_closed(&t, event);
		break;
	case SKT_EVENT_FAILED:
		skt_text_addf(&t, _("no link for %s: %s"), event->from, event->err->text);
		break;
	case SKT_EVENT_REFUSED:
		skt_text_addf(&t, _("refused %s: not in the access list"), event->from);
		break;
	case SKT_EVENT_STOPPING:
		events_text_stopping(&t, event);
		break;
	case SKT_EVENT_NOTICE:
		skt_text_addf(&t, "%s: %s", event->from, event->how);
		break;
	case SKT_EVENT_STATS:
		events_text_stats(&t, event);
		break;
	}
	if (t.failed)
		e->has_lost = true;
	else
		e->line(skt_text_get(&t));
	skt_text_release(&t);
	if (event->kind == SKT_EVENT_FAILED && event->err->hint[0])
		e->line(event->err->hint);
}

static void events_on(struct skt_observer *observer, const struct skt_event *event)
{
	struct skt_events *e = (struct skt_events *)(void *)observer;
	const struct events_row *row = &events_rows[event->kind];

	if (e->json)
		events_json(e, event, row);
	else if (e->level >= row->level && !(e->only_one && event->kind == SKT_EVENT_FAILED && !event->is_passing))
		events_text(e, event);
}

void skt_events_init(struct skt_events *events)
{
	events->observer.on = events_on;
}
