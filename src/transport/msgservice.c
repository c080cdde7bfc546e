/* SPDX-License-Identifier: Apache-2.0 */
/* The small services in their form for datagrams.
 *
 * Like the others they need no wake: an answer is there after a message was written, and the flow back takes its steps in turn. What
 * nobody takes in time is dropped beyond a bound, as datagrams are. */
#include "transport/msgservice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

struct msgservice {
	struct skt_stream stream;
	skt_msgservice_answer *answer;
	char *text;
	struct skt_dgqueue answers;
	bool is_shut;
};

static struct msgservice *msgservice_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct msgservice, stream);
}

const char *skt_msgservice_echo(const char *text, const void *message, size_t *n)
{
	(void)text;
	(void)n;
	return message;
}

const char *skt_msgservice_discard(const char *text, const void *message, size_t *n)
{
	(void)text;
	(void)message;
	*n = 0;
	return NULL;
}

const char *skt_msgservice_chargen(const char *text, const void *message, size_t *n)
{
	static _Thread_local char line[512];

	(void)text;
	(void)message;
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = (char)(i % 74 == 72 ? '\r' : i % 74 == 73 ? '\n' : 0x20 + (i / 74 + i % 74) % 95);
	*n = (size_t)random() % (sizeof(line) + 1);
	return line;
}

const char *skt_msgservice_daytime(const char *text, const void *message, size_t *n)
{
	static _Thread_local char line[128];
	time_t now = time(NULL);
	struct tm tm = { 0 };

	(void)text;
	(void)message;
	(void)localtime_r(&now, &tm);
	*n = strftime(line, sizeof(line), "%A, %B %d, %Y %H:%M:%S-%Z\r\n", &tm);
	return line;
}

const char *skt_msgservice_text(const char *text, const void *message, size_t *n)
{
	(void)message;
	*n = strlen(text);
	return text;
}

static ssize_t msgservice_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct msgservice *m = msgservice_of(s);
	size_t n_answer = n;
	const char *answer = m->answer(m->text, buf, &n_answer);
	struct skt_msg msg = { .data = answer, .n = (uint32_t)n_answer };

	if (answer)
		(void)skt_dgqueue_add(&m->answers, &msg);
	return (ssize_t)n;
}

static ssize_t msgservice_read(struct skt_stream *s, void *buf, size_t n)
{
	struct msgservice *m = msgservice_of(s);
	struct skt_msg msg;

	if (skt_dgqueue_peek(&m->answers, &msg, 1) == 0)
		return m->is_shut ? 0 : -SKT_AGAIN;
	if (msg.n > n) {
		s->sys = EMSGSIZE;
		return -SKT_E_LIMIT;
	}
	n = msg.n;
	if (n > 0)
		memcpy(buf, msg.data, n);
	skt_dgqueue_drop(&m->answers, 1);
	return n > 0 ? (ssize_t)n : -SKT_EMPTY;
}

static int msgservice_shut(struct skt_stream *s)
{
	msgservice_of(s)->is_shut = true;
	return 0;
}

static void msgservice_free(struct skt_stream *s)
{
	struct msgservice *m = msgservice_of(s);

	(void)skt_dgqueue_release(&m->answers);
	skt_free(m->text);
	skt_free(m);
}

static const struct skt_stream_ops msgservice_ops = {
	.name = "service",
	.read = msgservice_read,
	.write = msgservice_write,
	.shut = msgservice_shut,
	.free = msgservice_free,
};

int skt_msgservice_new(skt_msgservice_answer *answer, char *text, struct skt_stream **ret, struct skt_error *err)
{
	struct msgservice *m = SKT_NEW(struct msgservice);

	if (!m) {
		skt_free(text);
		return skt_fail_memory(err);
	}
	m->stream.ops = &msgservice_ops;
	m->stream.flags = SKT_STREAM_MESSAGES;
	m->answer = answer;
	m->text = text;
	*ret = &m->stream;
	return 0;
}
