/* SPDX-License-Identifier: Apache-2.0 */
/* The rate line on a terminal. */
#include "cli/progress.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/say.h"
#include "sys/clock.h"

#define PROGRESS_EVERY (250 * SKT_MS)

static atomic_bool progress_is_shown;

void skt_progress_clear(void)
{
	if (atomic_exchange(&progress_is_shown, false))
		skt_say_plain("\r\033[K");
}

static void progress_look(struct skt_progress *p)
{
	uint64_t sent, received;

	skt_relay_moved(p->relay, &sent, &received);
	skt_rate_note(&p->rate, sent + received, skt_now());
}

static void progress_timer(struct skt_timer *timer)
{
	struct skt_progress *p = SKT_OUTER(timer, struct skt_progress, timer);
	struct skt_text t = { 0 };

	progress_look(p);
	if (p->rate.n_bytes) {
		skt_text_add(&t, "\r\033[K");
		skt_rate_line(&p->rate, p->total, &t);
		atomic_store(&progress_is_shown, true);
		skt_say_plain(skt_text_get(&t));
		skt_text_release(&t);
	}
	(void)skt_loop_after(p->loop, &p->timer, PROGRESS_EVERY, progress_timer);
}

/* What is left of a plain file on stdin. */
static uint64_t progress_total(void)
{
	struct stat st;
	off_t at;

	if (fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	return at >= 0 && st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
}

void skt_progress_start(struct skt_progress *p, struct skt_loop *loop, const struct skt_relay *relay)
{
	if (!isatty(STDERR_FILENO) || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return;
	p->loop = loop;
	p->relay = relay;
	p->total = progress_total();
	p->is_on = skt_loop_after(loop, &p->timer, PROGRESS_EVERY, progress_timer) == 0;
	skt_rate_note(&p->rate, 0, skt_now());
}

void skt_progress_end(struct skt_progress *p, uint64_t n_bytes)
{
	struct skt_text t = { 0 };

	if (!p->is_on)
		return;
	p->is_on = false;
	skt_loop_clear(p->loop, &p->timer);
	skt_progress_clear();
	skt_rate_note(&p->rate, n_bytes, skt_now());
	if (n_bytes == 0)
		return;
	skt_rate_summary(&p->rate, &t);
	skt_say("%s", skt_text_get(&t));
	skt_text_release(&t);
}
