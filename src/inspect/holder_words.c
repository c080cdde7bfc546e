/* SPDX-License-Identifier: Apache-2.0 */
/* The holder of a socket in words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
#include "inspect/holder.h"

const char *skt_holder_user(uint32_t uid, char *room, size_t size)
{
	if (uid == geteuid())
		return _("you");
	return skt_user_name(uid, room, size);
}

const char *skt_holder_directory(const char *directory, char *room, size_t size)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;

	if (n > 1 && strncmp(directory, home, n) == 0 && (directory[n] == '/' || directory[n] == '\0'))
		(void)snprintf(room, size, "~%s", directory + n);
	else
		(void)snprintf(room, size, "%s", directory);
	return room;
}

/* The look that shows who has the socket: the later one, where it may see that. */
static const struct skt_census *holder_census(const struct skt_holders *h, const struct skt_holders *before,
					      const struct skt_sock *s)
{
	return before && skt_census_n_holders(&h->census, s) == 0 ? &before->census : &h->census;
}

/* A program and its children often share a socket: the oldest that does not have another holder as parent stands for all. */
const struct skt_process *skt_holder_of(const struct skt_holders *h, const struct skt_holders *before,
					const struct skt_sock *s)
{
	const struct skt_census *c = holder_census(h, before, s);
	const struct skt_process *best = NULL, *p;

	for (size_t i = 0; (p = skt_census_holder(c, s, i, NULL)) != NULL; i++)
		if (!best || p->ticks < best->ticks)
			best = p;
	return best;
}

static const struct skt_lease *holder_lease(const struct skt_holders *h, const struct skt_holders *before,
					    const struct skt_process *p)
{
	const struct skt_lease *l = skt_leases_of_port(&h->leases, h->spot.port);

	if (!l && before)
		l = skt_leases_of_port(&before->leases, h->spot.port);
	return l && l->owner == p->pid && l->ticks == p->ticks ? l : NULL;
}

static void holder_words_of(const struct skt_process *p, const struct skt_lease *lease, struct skt_text *ret)
{
	char user[64];
	const char *who = skt_holder_user(p->uid, user, sizeof(user));

	if (lease && lease->name[0])
		skt_text_addf(ret, _("soket run (pid %d, %s), a lease for %s"), (int)p->pid, who, lease->name);
	else if (lease)
		skt_text_addf(ret, _("soket run (pid %d, %s), a lease"), (int)p->pid, who);
	else
		skt_text_addf(ret, _("%s (pid %d, %s)"), p->name[0] ? p->name : "?", (int)p->pid, who);
}

static void holder_words_unseen(const struct skt_sock *s, struct skt_text *ret)
{
	char user[64];

	if (s->uid == UINT32_MAX)
		skt_text_add(ret, _("a program that cannot be seen"));
	else if (s->uid == geteuid())
		skt_text_add(ret, _("a program of yours, which cannot be seen from here"));
	else
		skt_text_addf(ret, _("a program of %s, which cannot be seen"), skt_user_name(s->uid, user, sizeof(user)));
}

void skt_holder_words(const struct skt_holders *h, const struct skt_holders *before, const struct skt_sock *s,
		      struct skt_text *ret)
{
	const struct skt_process *p = skt_holder_of(h, before, s);
	size_t n = skt_census_n_holders(holder_census(h, before, s), s);

	if (!p) {
		holder_words_unseen(s, ret);
		return;
	}
	holder_words_of(p, holder_lease(h, before, p), ret);
	if (n > 1)
		skt_text_addf(ret, NG_(" and %zu more", " and %zu more", n - 1), n - 1);
}
