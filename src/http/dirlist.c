/* SPDX-License-Identifier: Apache-2.0 */
/* A directory as an answer.
 *
 * How it works: a directory may have a hundred thousand entries: it is read, sorted and written out by a thread beside the loop, and answered
 * when that is done. A client that has gone meanwhile is forgotten by its job. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/listing.h"
#include "http/siteparts.h"
#include "sys/call.h"
#include "wire/httpaccept.h"

struct dirlist {
	struct skt_sitework work; /* the exchange's */
	struct skt_job job;
	struct skt_siteplace *place;
	struct skt_exchange *x; /* NULL: it has gone */
	struct skt_listing list;
	struct skt_text text;
	int fd, sys;
	bool wants_json;
	char path[];
};

static void dirlist_free(struct dirlist *d)
{
	for (size_t i = 0; i < d->list.n; i++)
		skt_free(d->list.entry[i].name);
	skt_free(d->list.entry);
	skt_text_release(&d->text);
	skt_close(d->fd);
	skt_free(d);
}

static bool dirlist_shows(const struct dirlist *d, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return name[0] != '.' || d->place->site->options.hidden;
}

/* A link is shown as what it leads to; one that leads out, or nowhere, as neither file nor directory. */
static void dirlist_look(struct dirlist *d, int fd, struct skt_listing_entry *e)
{
	struct stat st;

	if (skt_sys.fstatat(fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		e->is_other = true;
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		char path[SKT_SITE_PATH];
		int target = -1;

		if (d->place->site->options.follows)
			(void)skt_sys.fstatat(fd, e->name, &st, 0);
		else if ((size_t)snprintf(path, sizeof(path), "%s%s%s", d->path, *d->path ? "/" : "", e->name) <
				 sizeof(path) &&
			 (target = skt_tree_get(&d->place->site->tree, path, O_PATH, 0)) >= 0)
			(void)skt_sys.fstat(target, &st);
		skt_close(target);
	}
	e->is_directory = S_ISDIR(st.st_mode);
	e->is_other = !e->is_directory && !S_ISREG(st.st_mode);
	e->size = S_ISREG(st.st_mode) ? st.st_size : 0;
	e->mtime = st.st_mtim.tv_sec;
}

static bool dirlist_add(struct dirlist *d, int fd, const char *name, size_t *room)
{
	struct skt_listing *l = &d->list;

	if (l->n == *room) {
		size_t more = *room ? *room * 2 : 64;
		void *entry = skt_realloc(l->entry, more * sizeof(*l->entry));

		if (!entry)
			return false;
		l->entry = entry;
		*room = more;
	}
	l->entry[l->n] = (struct skt_listing_entry){ .name = skt_strdup(name) };
	if (!l->entry[l->n].name)
		return false;
	dirlist_look(d, fd, &l->entry[l->n++]);
	return true;
}

static int dirlist_read(struct dirlist *d)
{
	DIR *dir = fdopendir(d->fd);
	const struct dirent *entry;
	size_t room = 0;
	int sys = 0;

	if (!dir)
		return errno;
	d->fd = -1; /* the stream's */
	while (sys == 0 && (errno = 0, entry = readdir(dir)) != NULL)
		if (dirlist_shows(d, entry->d_name) && !dirlist_add(d, dirfd(dir), entry->d_name, &room))
			sys = ENOMEM;
	if (sys == 0)
		sys = errno;
	(void)closedir(dir);
	return sys;
}

static void dirlist_work(struct skt_job *job)
{
	struct dirlist *d = SKT_OUTER(job, struct dirlist, job);

	d->sys = dirlist_read(d);
	if (d->sys)
		return;
	skt_listing_sort(&d->list);
	if (d->wants_json)
		skt_listing_json(&d->list, &d->text);
	else
		skt_listing_html(&d->list, &d->text);
	if (d->text.failed)
		d->sys = ENOMEM;
}

static void dirlist_done(struct skt_job *job)
{
	struct dirlist *d = SKT_OUTER(job, struct dirlist, job);
	struct skt_exchange *x = d->x;

	if (!x) {
		dirlist_free(d);
		return;
	}
	skt_exchange_set_user(x, NULL);
	if (d->sys) {
		skt_site_refuse(d->place, x, d->sys);
		dirlist_free(d);
		return;
	}
	skt_site_fields(d->place->site, x);
	skt_exchange_field(x, "Vary", "Accept, Accept-Language");
	skt_exchange_field(x, "Cache-Control", "no-cache");
	if (!d->wants_json)
		skt_exchange_field(x, "Content-Security-Policy", skt_listing_policy());
	skt_exchange_reply(x, 200, d->wants_json ? "application/json" : "text/html; charset=utf-8", d->text.s,
			   d->text.len);
	dirlist_free(d);
}

/* The exchange has ended before the job: that goes on, for nobody. */
static void dirlist_ended(struct skt_sitework *work, bool good)
{
	(void)good;
	SKT_OUTER(work, struct dirlist, work)->x = NULL;
}

/* Whether the field likes one word better than the other. */
static bool dirlist_likes(const struct skt_request *r, enum skt_field field, const char *one, const char *other)
{
	struct skt_text room = { 0 };
	struct skt_span list = skt_request_list(r, field, &room);
	bool ret = skt_accept_weight(list, one) > skt_accept_weight(list, other);

	skt_text_release(&room);
	return ret;
}

static struct dirlist *dirlist_new(struct skt_siteplace *place, struct skt_exchange *x, const char *path)
{
	const struct skt_request *r = skt_exchange_request(x);
	struct dirlist *d = skt_zalloc(sizeof(*d) + strlen(path) + 1);

	if (!d)
		return NULL;
	memcpy(d->path, path, strlen(path) + 1);
	d->place = place;
	d->x = x;
	d->job.work = dirlist_work;
	d->job.done = dirlist_done;
	d->work.ended = dirlist_ended;
	d->list.path = d->path;
	d->list.uploads = place->site->options.uploads;
	skt_listing_query(r->query, &d->list);
	d->wants_json = r->field[SKT_FIELD_ACCEPT].s &&
			dirlist_likes(r, SKT_FIELD_ACCEPT, "application/json", "text/html");
	d->list.is_indonesian = r->field[SKT_FIELD_ACCEPT_LANGUAGE].s &&
				dirlist_likes(r, SKT_FIELD_ACCEPT_LANGUAGE, "id", "en");
	d->fd = skt_tree_get(&place->site->tree, path, O_RDONLY | O_DIRECTORY, 0);
	return d;
}

void skt_dirlist_answer(struct skt_siteplace *place, struct skt_exchange *x, const char *path)
{
	struct dirlist *d = dirlist_new(place, x, path);

	if (!d || d->fd < 0) {
		skt_site_refuse(place, x, d ? errno : ENOMEM);
		if (d)
			dirlist_free(d);
		return;
	}
	skt_exchange_set_user(x, &d->work);
	if (skt_jobs_start(place->jobs, &d->job) == 0)
		return;
	skt_exchange_set_user(x, NULL);
	dirlist_free(d);
	skt_site_refuse(place, x, EMFILE);
}
