-- A schema of `tables` tables for scripts/bench: 13 columns each, a foreign key, two checks, three indexes and a trigger; a view for
-- every second table, a function for every tenth. With `changed` = 1 one table in a hundred is different, and five views are gone.
-- psql -v tables=1000 -v changed=0 -f schema.sql
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET synchronous_commit = off;

CREATE TYPE state AS ENUM ('new', 'open', 'closed');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;

SELECT format($$
    CREATE TABLE t%1$s (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        parent_id uuid %2$s,
        name varchar(%3$s) NOT NULL,
        code text COLLATE "C",
        state state NOT NULL DEFAULT 'new',
        amount numeric(12, 2) NOT NULL DEFAULT 0 CHECK (amount >= 0),
        quantity integer %4$s,
        ratio double precision,
        tags text[] NOT NULL DEFAULT '{}',
        document jsonb,
        active boolean NOT NULL DEFAULT %5$L,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now() %6$s,
        CONSTRAINT t%1$s_period CHECK (updated_at >= created_at)
    )$$,
    i, CASE WHEN i > 1 THEN format('REFERENCES t%s (id) ON DELETE SET NULL', i - 1) END,
    CASE WHEN different THEN 300 ELSE 200 END, CASE WHEN different THEN 'NOT NULL DEFAULT 1' END,
    NOT different, CASE WHEN different THEN ', note text' END)
FROM generate_series(1, :tables) i, LATERAL (SELECT :changed = 1 AND i % 100 = 0 AS different) d
\gexec

SELECT format('CREATE INDEX t%1$s_name ON t%1$s (lower(name))', i) || CASE WHEN :changed = 1 AND i % 100 = 0 THEN ' WHERE active' ELSE '' END,
       format('CREATE INDEX t%1$s_parent ON t%1$s (parent_id, created_at DESC)', i),
       format('CREATE INDEX t%1$s_document ON t%1$s USING gin (document)', i),
       format('CREATE TRIGGER t%1$s_touch BEFORE UPDATE ON t%1$s FOR EACH ROW EXECUTE FUNCTION touch()', i)
FROM generate_series(1, :tables) i
\gexec

SELECT format('CREATE FUNCTION f%1$s(wanted uuid) RETURNS numeric LANGUAGE sql STABLE AS %2$L', i,
              format('SELECT amount * quantity%s FROM t%s WHERE id = wanted', CASE WHEN :changed = 1 AND i % 100 = 0 THEN ' + 1' ELSE '' END, i))
FROM generate_series(10, :tables, 10) i
\gexec

SELECT format('CREATE VIEW v%1$s AS SELECT a.id, a.name, a.state, b.name AS parent FROM t%1$s a LEFT JOIN t%2$s b ON b.id = a.parent_id', i, i - 1)
FROM generate_series(2, :tables, 2) i
WHERE NOT (:changed = 1 AND i <= 10)
\gexec
