-- What stands beside a case, alike on both sides, in a schema of its own: of it a reading of two databases knows no parts.
CREATE SCHEMA aside;
SET search_path = aside;
CREATE TYPE mood AS ENUM ('calm', 'stormy');
CREATE TYPE pair AS (one integer, two text);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE SEQUENCE numbers;
CREATE TABLE parted (id bigint NOT NULL, at date NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parted_early PARTITION OF parted FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE INDEX ON parted (note);
CREATE TABLE above (id integer PRIMARY KEY, kept text CHECK (kept <> ''));
CREATE TABLE below (more text) INHERITS (above);
DO $$ BEGIN
  FOR i IN 1..14 LOOP
    EXECUTE format($t$
      CREATE TABLE t%1$s (
        id serial PRIMARY KEY, number integer GENERATED ALWAYS AS IDENTITY, drawn bigint DEFAULT nextval('aside.numbers'),
        before integer %2$s, mood mood NOT NULL DEFAULT 'calm', pair pair, many positive DEFAULT aside.twice(2),
        "Odd name" text COLLATE "C", double integer GENERATED ALWAYS AS (aside.twice(before)) STORED, moods mood[],
        CHECK (before > 0), CONSTRAINT t%1$s_unique UNIQUE (number) DEFERRABLE, CONSTRAINT odd CHECK ("Odd name" <> 'x' OR mood = 'stormy'));
      CREATE INDEX t%1$s_lower ON t%1$s (lower("Odd name")) WHERE mood = 'calm';
      CREATE INDEX t%1$s_plain ON t%1$s (before DESC, id) WITH (fillfactor = 70);
      CREATE TRIGGER t%1$s_stamp BEFORE UPDATE OF mood ON t%1$s FOR EACH ROW WHEN (OLD.mood IS DISTINCT FROM NEW.mood) EXECUTE FUNCTION stamp();
      ALTER TABLE t%1$s ENABLE ROW LEVEL SECURITY;
      CREATE POLICY t%1$s_seen ON t%1$s USING (mood = 'calm');
      CREATE STATISTICS t%1$s_statistics ON id, before FROM t%1$s;
      COMMENT ON TABLE t%1$s IS 'table %1$s'; COMMENT ON COLUMN t%1$s.mood IS 'how it is'; COMMENT ON CONSTRAINT odd ON t%1$s IS 'why';
      COMMENT ON INDEX t%1$s_lower IS 'found'; GRANT SELECT ON t%1$s TO PUBLIC; GRANT UPDATE (mood) ON t%1$s TO PUBLIC;
      CREATE VIEW v%1$s AS SELECT a.id, a."Odd name", twice(a.before) AS double, a.mood FROM t%1$s a WHERE a.mood = 'calm';
      CREATE RULE v%1$s_kept AS ON DELETE TO v%1$s DO INSTEAD NOTHING;
      $t$, i, CASE WHEN i > 1 THEN format('REFERENCES t%s', i - 1) END);
  END LOOP;
END $$;
CREATE MATERIALIZED VIEW seen AS SELECT mood, count(*) FROM t1 GROUP BY mood;
CREATE INDEX ON seen (mood);
RESET search_path;
