/* SPDX-License-Identifier: Apache-2.0 */
/* soket: finds the command, reads its flags, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
#include "base/word.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/locale.h"
#include "cli/say.h"
#include "sys/call.h"

#ifndef SKT_VERSION
#define SKT_VERSION "0.1.0"
#endif

/* Whoever started us may have closed descriptors 0 to 2; a socket that landed there would be read as standard input or get
 * our messages. Standard input is then empty, writing to standard output fails and is noticed, messages go nowhere. */
static bool main_fill_standard(void)
{
	static const int mode[] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd < 3; fd++) {
		if (skt_sys.fcntl(fd, F_GETFD, 0) >= 0 || errno != EBADF)
			continue;
		if (skt_sys.open("/dev/null", mode[fd], 0) != fd && skt_sys.open("/", O_PATH | O_DIRECTORY, 0) != fd)
			return false;
	}
	return true;
}

/* Whether the words before "--" ask for JSON; known before they are parsed, because errors are JSON then too. */
static bool main_wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* Whether a word in the place of the command is an endpoint rather than a mistyped command. */
static bool main_is_endpoint(const char *word)
{
	return strpbrk(word, ":/@") != NULL || strspn(word, "0123456789") == strlen(word);
}

static int main_fail_command(const char *word, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = word };
	const struct skt_command *command;

	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		skt_nearest_offer(&nearest, command->name);
	skt_fail(err, SKT_E_USAGE, 0, _("there is no command %s"), word);
	if (nearest.word)
		skt_hint(err, _("did you mean: soket %s"), nearest.word);
	else if (main_is_endpoint(word))
		skt_hint(err, _("to open this endpoint: soket connect %s"), word);
	else
		skt_hint(err, "%s", _("soket --help lists the commands"));
	return -SKT_E_USAGE;
}

static int main_fail_flag(const char *word, struct skt_error *err)
{
	const struct skt_flag *flag;

	skt_fail(err, SKT_E_USAGE, 0, _("soket has no flag %s in front of a command"), word);
	skt_hint(err, "%s", _("soket --help lists the commands"));
	for (int i = 0; (flag = skt_flag_common_at(i)) != NULL; i++)
		if (word[1] == '-' ? strcmp(word + 2, flag->name) == 0 : word[1] == flag->letter && !word[2])
			skt_hint(err, _("flags come after the command: soket COMMAND %s"), word);
	return -SKT_E_USAGE;
}

static int main_run_command(const struct skt_command *command, int argc, char **argv, bool json)
{
	struct skt_args args;
	struct skt_error err = { 0 };
	int status;

	if (skt_args_parse(command, argc, argv, &args, &err) < 0) {
		status = skt_say_error(&err, NULL, json);
	} else if (skt_args_has(&args, "help")) {
		status = skt_help_command(command, skt_args_has(&args, "json"));
	} else {
		skt_say_level_set(skt_args_has(&args, "quiet") ? -1 : skt_args_has(&args, "verbose") ? 1 : 0);
		status = command->run(&args);
	}
	skt_args_release(&args);
	return status;
}

static int main_run(int argc, char **argv, bool json)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct skt_command *command;
	struct skt_error err = { 0 };

	if (!word)
		return skt_help_nothing();
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return skt_help_overview(json);
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return -skt_say_out("soket " SKT_VERSION "\n");
	command = skt_command_find(word);
	if (command)
		return main_run_command(command, argc - 2, argv + 2, json);
	if (word[0] == '-' && word[1])
		main_fail_flag(word, &err);
	else
		main_fail_command(word, &err);
	return skt_say_error(&err, NULL, json);
}

int main(int argc, char **argv)
{
	bool json = main_wants_json(argc, argv);

	if (!main_fill_standard())
		return SKT_E_LIMIT;
	skt_locale_init();
	return skt_say_finish(main_run(argc, argv, json), json);
}
