/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up rights.
 *
 * How it works: a Landlock ruleset denies every file right it handles except beneath the paths given. Programs, libraries and the
 * resolver's files stay readable (/etc, /usr, /lib, /run, /proc, /dev): a later look-up loads them. Nothing may be executed. */
#include "sys/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/call.h"

/* from the kernel's interface, for older headers */
#define SANDBOX_REFER (1ULL << 13)    /* version 2 */
#define SANDBOX_TRUNCATE (1ULL << 14) /* version 3 */
#define SANDBOX_NET_BIND (1ULL << 0)  /* version 4 */
#define SANDBOX_NET_CONNECT (1ULL << 1)

#define SANDBOX_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define SANDBOX_WRITE                                                                                   \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | SANDBOX_TRUNCATE)
#define SANDBOX_NEVER                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* rights that a plain file can carry; the others are for directories */
#define SANDBOX_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | SANDBOX_TRUNCATE)

struct sandbox_rules {
	uint64_t files, net;
};

static void sandbox_allow(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0) {
		rule.allowed_access = S_ISDIR(st.st_mode) ? rights : rights & SANDBOX_OF_FILES;
		(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	skt_close(rule.parent_fd);
}

static int sandbox_ruleset(int version, const struct skt_needs *needs, uint64_t *files)
{
	struct sandbox_rules rules = { .files = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_NEVER };

	if (version < 3)
		rules.files &= ~SANDBOX_TRUNCATE;
	if (version >= 4)
		rules.net = (uint64_t)((needs->listens ? 0 : SANDBOX_NET_BIND) | (needs->dials ? 0 : SANDBOX_NET_CONNECT));
	*files = rules.files;
	return (int)syscall(SYS_landlock_create_ruleset, &rules, version >= 4 ? sizeof(rules) : sizeof(rules.files), 0);
}

int skt_sandbox_enter(const struct skt_needs *needs)
{
	static const char *const system_files[] = { "/etc", "/usr", "/lib", "/lib64", "/run", "/proc", "/dev", "/opt" };
	int version, ruleset;
	uint64_t files;

	if (needs->programs)
		return 0;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return 0;
	ruleset = sandbox_ruleset(version, needs, &files);
	if (ruleset < 0)
		return 0;
	for (size_t i = 0; i < SKT_LENGTH(system_files); i++)
		sandbox_allow(ruleset, system_files[i], SANDBOX_READ & files);
	sandbox_allow(ruleset, "/dev/null", (SANDBOX_READ | SANDBOX_WRITE) & files);
	for (int i = 0; i < needs->n_read; i++)
		sandbox_allow(ruleset, needs->read[i], SANDBOX_READ & files);
	for (int i = 0; i < needs->n_write; i++)
		sandbox_allow(ruleset, needs->write[i], (SANDBOX_READ | SANDBOX_WRITE) & files);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		version = 0;
	skt_close(ruleset);
	return version;
}
