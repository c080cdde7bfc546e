/* SPDX-License-Identifier: Apache-2.0 */
/* The user's language.
 *
 * How it works: where setlocale(3) knows the user's locale, gettext does everything. Where it does not, as on most servers and
 * in containers, gettext would not translate; then the catalogue of the wanted language is loaded here and handed to
 * base/message.h. In a build tree the catalogues lie beside the program, so that an uninstalled soket speaks too. */
#include "cli/locale.h"

#include <fcntl.h>
#include <libintl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/message.h"
#include "sys/call.h"

#ifndef LOCALEDIR
#define LOCALEDIR "/usr/local/share/locale"
#endif

enum { LOCALE_PATH_MAX = 4096 };

/* Room for a language's name, as in "sr_RS@latin". */
enum { LOCALE_NAME_MAX = 32 };

/* Map the catalogue at `path` and use it. Returns whether that went well. */
static bool locale_load(const char *path)
{
	int fd = skt_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	struct stat st;
	void *mo;

	if (fd < 0)
		return false;
	if (skt_sys.fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		skt_close(fd);
		return false;
	}
	mo = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	skt_close(fd);
	if (mo == MAP_FAILED)
		return false;
	if (skt_message_catalogue(mo, (size_t)st.st_size) == 0)
		return true; /* it stays mapped until the end */
	(void)munmap(mo, (size_t)st.st_size);
	return false;
}

/* Load the catalogue of one language. */
static bool locale_load_language(const char *directory, const char *language)
{
	char path[LOCALE_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s/LC_MESSAGES/" SKT_DOMAIN ".mo", directory, language);

	return n > 0 && (size_t)n < sizeof(path) && locale_load(path);
}

/* Try one name of the list, "id_ID.UTF-8": first with its country, then without. Returns whether the search is over: the
 * language was found, or it is the one that the texts are written in. */
static bool locale_try(const char *directory, const char *name, size_t n)
{
	char language[LOCALE_NAME_MAX];

	n = n < strcspn(name, ".@") ? n : strcspn(name, ".@");
	if (n == 0 || n >= sizeof(language) || memchr(name, '/', n))
		return false;
	memcpy(language, name, n);
	language[n] = '\0';
	if (strcmp(language, "C") == 0 || strcmp(language, "POSIX") == 0)
		return true;
	if (locale_load_language(directory, language))
		return true;
	language[strcspn(language, "_")] = '\0';
	return strcmp(language, "en") == 0 || locale_load_language(directory, language);
}

/* The locale's name for messages, by the order of setlocale(3). */
static const char *locale_name(void)
{
	static const char *const variables[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			return value;
	}
	return "C";
}

/* Look through LANGUAGE, a list with colons, or else the locale. As in gettext, LANGUAGE does not count in the C locale. */
static void locale_find(const char *directory)
{
	const char *list = getenv("LANGUAGE"), *name = locale_name();

	if (strcmp(name, "C") == 0 || strncmp(name, "C.", 2) == 0 || strcmp(name, "POSIX") == 0)
		return;
	if (!list || !*list)
		list = name;
	while (*list) {
		size_t n = strcspn(list, ":");

		if (locale_try(directory, list, n))
			return;
		list += n + (list[n] == ':');
	}
}

/* Where the catalogues are: po/ beside the program where it has one (a build tree), else where they are installed. */
static const char *locale_directory(char *buf, size_t size)
{
	static const char probe[] = "/id/LC_MESSAGES/" SKT_DOMAIN ".mo";
	ssize_t n = readlink("/proc/self/exe", buf, size);
	size_t at;
	char *slash;

	if (n <= 0 || (size_t)n >= size)
		return LOCALEDIR;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash || (size_t)(slash - buf) + sizeof("/po") + sizeof(probe) > size)
		return LOCALEDIR;
	at = (size_t)(slash - buf) + strlen("/po");
	memcpy(slash, "/po", sizeof("/po"));
	memcpy(buf + at, probe, sizeof(probe));
	if (access(buf, R_OK) < 0)
		return LOCALEDIR;
	buf[at] = '\0';
	return buf;
}

void skt_locale_init(void)
{
	char buf[LOCALE_PATH_MAX];
	bool is_known = setlocale(LC_ALL, "") != NULL;
	const char *directory = locale_directory(buf, sizeof(buf));

	if (!is_known)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)setlocale(LC_NUMERIC, "C");
	if (is_known)
		(void)bindtextdomain(SKT_DOMAIN, directory);
	else
		locale_find(directory);
}
