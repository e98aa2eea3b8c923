/* A provider of security labels that takes any label, for servers of MAJOR 13 to 18: no image of Postgres has one that can be used.
 * It is built without Postgres's headers, which the machine that runs the tests need not have. */

/* Pg_magic_struct of src/include/fmgr.h: before 15 it ends with float8byval, before 18 with abi_extra. */
static const struct magic {
  int len, version, funcmaxargs, indexmaxkeys, namedatalen, float8byval;
  char abi_extra[32];
  const char *name, *library_version;
} magic = {
    MAJOR < 15 ? 24 : MAJOR < 18 ? 56 : sizeof(struct magic), MAJOR * 100, 100, 32, 64, 1, "PostgreSQL", 0, 0,
};

const void *Pg_magic_func(void) { return &magic; }

/* src/include/commands/seclabel.h */
extern void register_label_provider(const char *name, void (*check)(const void *object, const char *label));

static void take_any(const void *object, const char *label) {}

void _PG_init(void) { register_label_provider("any", take_any); }
