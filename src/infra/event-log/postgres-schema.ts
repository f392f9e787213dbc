/**
 * The first migration of the log on PostgreSQL: its tables. Like the steps in sqlite-migrations.ts it is never edited once released, only
 * followed by another; the functions are in postgres-functions.ts.
 */

/** @param partitionEvents positions of a partition */
export const firstTables = (partitionEvents: number): string => `
  CREATE TABLE signalbox.log_schema (
    one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL, partition_events bigint NOT NULL
  );
  INSERT INTO signalbox.log_schema VALUES (1, 0, ${partitionEvents});

  -- One row, changed by every append: most of a page is left free for its next versions.
  CREATE TABLE signalbox.log_head (
    one integer PRIMARY KEY CHECK (one = 1),
    position bigint NOT NULL,
    archived_to bigint NOT NULL,
    archived_events bigint NOT NULL
  ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
  INSERT INTO signalbox.log_head VALUES (1, 0, 0, 0);

  CREATE TABLE signalbox.writers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    last_seq bigint NOT NULL,
    archived_seq bigint NOT NULL DEFAULT 0
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

  -- first: position of its first event.
  CREATE TABLE signalbox.streams (
    stream text PRIMARY KEY, version integer NOT NULL, first bigint NOT NULL
  ) WITH (fillfactor = 80);

  CREATE TABLE signalbox.time_marks (
    block bigint PRIMARY KEY, first_at bigint NOT NULL, last_at bigint NOT NULL
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

  CREATE TABLE signalbox.events (
    position bigint PRIMARY KEY,
    stream text NOT NULL,
    stream_version integer NOT NULL,
    type text NOT NULL,
    schema_version integer NOT NULL,
    writer integer NOT NULL,
    writer_seq bigint NOT NULL,
    occurred_at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    correlation text,
    causation bigint,
    data json NOT NULL
  ) PARTITION BY RANGE (position);
  CREATE INDEX events_rare_type ON signalbox.events (type, position)
    WHERE type NOT IN ('RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptSucceeded');
  CREATE INDEX events_correlation ON signalbox.events (correlation) WHERE correlation IS NOT NULL;

  CREATE TABLE signalbox.snapshots (
    version text NOT NULL,
    position bigint NOT NULL,
    occurred_at bigint,
    base bigint,
    state bytea NOT NULL,
    PRIMARY KEY (version, position)
  );
  -- Compressed already.
  ALTER TABLE signalbox.snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

  CREATE VIEW signalbox.event_log AS
    SELECT position, stream, stream_version, type, schema_version, writers.name AS writer, writer_seq,
      to_timestamp(occurred_at / 1000.0) AS occurred, to_timestamp(recorded_at / 1000.0) AS recorded,
      CASE WHEN correlation = '' THEN NULL
           WHEN correlation IS NULL AND stream LIKE 'request:%' THEN substr(stream, 9)
           ELSE correlation END AS correlation,
      causation, data
    FROM signalbox.events LEFT JOIN signalbox.writers ON writers.id = events.writer;
  ${books}`

const SUMS = `
    requests bigint NOT NULL, attempts bigint NOT NULL, succeeded bigint NOT NULL, failed bigint NOT NULL,
    input bigint NOT NULL, output bigint NOT NULL, cache_read bigint NOT NULL, cache_write_5m bigint NOT NULL,
    cache_write_1h bigint NOT NULL, web_searches bigint NOT NULL, cost_nano bigint NOT NULL, list_nano bigint NOT NULL,
    saved_nano bigint NOT NULL, switch_nano bigint NOT NULL, unpriced bigint NOT NULL, estimated bigint NOT NULL,
    estimated_nano bigint NOT NULL`

/** The index on names is a hash, because a B-tree refuses texts above some kilobytes, and a client may send any as a model. */
const books = `
  CREATE TABLE signalbox.names (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
  CREATE INDEX names_name ON signalbox.names USING hash (name);

  CREATE TABLE signalbox.requests (
    position bigint PRIMARY KEY, id text NOT NULL, admitted_at bigint NOT NULL, model integer NOT NULL, session integer,
    agent integer, parent_agent integer, client_key integer, project integer, stream integer NOT NULL, strategy integer,
    provider integer, served_model integer, attempts integer NOT NULL, outcome integer, status integer, reason integer,
    ttft_ms bigint, duration_ms bigint, input bigint NOT NULL, output bigint NOT NULL, cache_read bigint NOT NULL,
    cache_write_5m bigint NOT NULL, cache_write_1h bigint NOT NULL, web_searches bigint NOT NULL,
    cost_nano bigint NOT NULL, saved_nano bigint NOT NULL, unpriced bigint NOT NULL, estimated integer NOT NULL,
    ended_position bigint
  ) WITH (fillfactor = 80);
  CREATE INDEX requests_session ON signalbox.requests (session, position) WHERE session IS NOT NULL;
  CREATE INDEX requests_provider ON signalbox.requests (provider, position);
  CREATE INDEX requests_unsuccessful ON signalbox.requests (outcome, position) WHERE outcome > 1;
  CREATE INDEX requests_open ON signalbox.requests (position) WHERE outcome IS NULL;

  CREATE TABLE signalbox.cost_hours (
    hour bigint NOT NULL, provider integer NOT NULL, model integer NOT NULL, asked integer NOT NULL,
    client_key integer NOT NULL, project integer NOT NULL, archived integer NOT NULL, ${SUMS},
    PRIMARY KEY (hour, provider, model, asked, client_key, project, archived)
  ) WITH (fillfactor = 70);
  CREATE TABLE signalbox.cost_sessions (
    session integer NOT NULL, agent integer NOT NULL, parent_agent integer NOT NULL, hour bigint NOT NULL,
    provider integer NOT NULL, model integer NOT NULL, asked integer NOT NULL, client_key integer NOT NULL,
    project integer NOT NULL, archived integer NOT NULL, ${SUMS},
    PRIMARY KEY (session, agent, parent_agent, hour, provider, model, asked, client_key, project, archived)
  ) WITH (fillfactor = 80);

  -- folded_to: how far they have been made from the log; null when they keep up with it.
  CREATE TABLE signalbox.books (one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL, folded_to bigint);
  INSERT INTO signalbox.books VALUES (1, 0, 0);`
