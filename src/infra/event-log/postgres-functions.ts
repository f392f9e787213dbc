/**
 * The functions of the log on PostgreSQL: appending is one statement and one round trip, in which nobody can die with the head locked.
 * They run with the rights of their owner, so that whoever appends needs no right to change a table (deploy/postgresql/roles.sql).
 * A change here is a migration that makes them anew.
 */

/** Columns of sums, in their order. They are spelled out because this text must stay what it is when the code moves on. */
const SUMS = [
  ...[
    'requests',
    'attempts',
    'succeeded',
    'failed',
    'input',
    'output',
    'cache_read',
    'cache_write_5m',
    'cache_write_1h',
  ],
  ...['web_searches', 'cost_nano', 'list_nano', 'saved_nano', 'switch_nano', 'unpriced', 'estimated', 'estimated_nano'],
]
const SUMMED = SUMS.map((sum) => `sum(${sum})`).join(', ')
const ADDED = SUMS.map((sum) => `${sum} = k.${sum} + excluded.${sum}`).join(', ')

/**
 * Appends a batch, in this order: the lock of the head, the numbers of its writers, the versions of its streams, the events, their
 * books. Rows name their writer and stream by place in the arrays of those, from 1. Whatever does not fit is raised, and takes all of it
 * back: SB001 the number of a writer, SB002 the version of a stream (`stream_bases`: the version before the batch; null: any), SB003
 * the version that the books were folded from (`stream_folded`; null: not folded).
 *
 * `behind`: the books do not keep up with the log, and this batch was not booked.
 */
const APPEND = `
CREATE OR REPLACE FUNCTION signalbox.append(
  wait_ms integer, books_version integer,
  writer_names text[], writer_firsts bigint[], writer_counts integer[],
  stream_names text[], stream_firsts integer[], stream_counts integer[], stream_bases integer[], stream_folded integer[],
  row_streams integer[], row_steps integer[], row_types text[], row_schemas integer[], row_writers integer[],
  row_seqs bigint[], row_times bigint[], row_correlations text[], row_causations bigint[], row_data json[],
  texts text[], request_rows json, cell_rows json,
  OUT head bigint, OUT behind boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = signalbox, pg_temp AS $$
DECLARE
  size integer := cardinality(row_streams);
  writer_id integer;
  writer_ids integer[] := '{}';
  -- Local, because elements of a parameter are looked for from its beginning.
  stream_list text[] := stream_names;
  bases integer[];
  taken text;
  stale text;
BEGIN
  PERFORM set_config('lock_timeout', wait_ms::text, true);
  UPDATE log_head h SET position = h.position + size RETURNING h.position INTO head;

  FOR i IN 1 .. cardinality(writer_names) LOOP
    UPDATE writers w SET last_seq = w.last_seq + writer_counts[i]
      WHERE w.name = writer_names[i] AND w.last_seq = writer_firsts[i] - 1 RETURNING w.id INTO writer_id;
    IF writer_id IS NULL THEN
      IF writer_firsts[i] <> 1 OR EXISTS (SELECT FROM writers w WHERE w.name = writer_names[i]) THEN
        RAISE EXCEPTION USING ERRCODE = 'SB001', MESSAGE = 'number ' || writer_firsts[i] || ' of writer ' || writer_names[i];
      END IF;
      INSERT INTO writers AS w (name, last_seq) VALUES (writer_names[i], writer_counts[i]) RETURNING w.id INTO writer_id;
    END IF;
    writer_ids := writer_ids || writer_id;
  END LOOP;

  WITH moved AS (
    INSERT INTO streams AS s (stream, version, first)
    SELECT g.stream, g.rows, head - size + g.first
    FROM unnest(stream_names, stream_counts, stream_firsts) AS g (stream, rows, first)
    ON CONFLICT (stream) DO UPDATE SET version = s.version + excluded.version
    RETURNING s.stream, s.version
  ), given AS (
    SELECT g.*, m.version - g.rows AS before
    FROM unnest(stream_names, stream_counts, stream_bases, stream_folded) WITH ORDINALITY AS g (stream, rows, base, folded, place)
    JOIN moved m ON m.stream = g.stream
  )
  SELECT array_agg(before ORDER BY place),
    min(base + 1 || ' of ' || stream || ' is not free: the next one is ' || before + 1) FILTER (WHERE before <> base),
    min(stream) FILTER (WHERE before <> folded)
  INTO bases, taken, stale FROM given;
  IF taken IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = 'SB002', MESSAGE = 'version ' || taken; END IF;
  IF stale IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = 'SB003', MESSAGE = stale; END IF;

  INSERT INTO events
  SELECT head - size + e.place, stream_list[e.stream], bases[e.stream] + e.step, e.type, e.schema_version, writer_ids[e.writer],
    e.seq, e.at, floor(extract(epoch FROM clock_timestamp()) * 1000), e.correlation, e.causation, e.data
  FROM unnest(row_streams, row_steps, row_types, row_schemas, row_writers, row_seqs, row_times, row_correlations, row_causations,
    row_data) WITH ORDINALITY
    AS e (stream, step, type, schema_version, writer, seq, at, correlation, causation, data, place);

  INSERT INTO time_marks AS t (block, first_at, last_at)
  SELECT (head - size + e.place) / 4096, min(e.at), max(e.at)
  FROM unnest(row_times) WITH ORDINALITY AS e (at, place) GROUP BY 1
  ON CONFLICT (block) DO UPDATE
    SET first_at = least(t.first_at, excluded.first_at), last_at = greatest(t.last_at, excluded.last_at);

  SELECT b.version <> books_version OR b.folded_to IS NOT NULL INTO behind FROM books b;
  IF behind THEN
    UPDATE books b SET folded_to = head - size WHERE b.folded_to IS NULL;
  ELSIF texts IS NOT NULL THEN
    PERFORM book(head, texts, request_rows, cell_rows);
  END IF;
END $$`

/**
 * Writes rows of requests and adds sums to cells. Both name texts by place in `texts`, from 1; 0 and null: none. A position of 0 or
 * below counts from the head backwards, because whoever folds does not know yet where the events will lie.
 */
const BOOK = `
CREATE OR REPLACE FUNCTION signalbox.book(head bigint, texts text[], request_rows json, cell_rows json)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = signalbox, pg_temp AS $$
DECLARE
  ids integer[];
BEGIN
  INSERT INTO names AS n (name)
  SELECT DISTINCT g.name FROM unnest(texts) AS g (name)
  WHERE NOT EXISTS (SELECT FROM names n WHERE n.name = g.name);
  SELECT array_agg(n.id ORDER BY g.place) INTO ids
  FROM unnest(texts) WITH ORDINALITY AS g (name, place) JOIN names n ON n.name = g.name;

  INSERT INTO requests
  SELECT CASE WHEN r.position > 0 THEN r.position ELSE head + r.position END, r.id, r.admitted_at, ids[r.model],
    ids[r.session], ids[r.agent], ids[r.parent_agent], ids[r.client_key], ids[r.project], r.stream, ids[r.strategy],
    ids[r.provider], ids[r.served_model], r.attempts, r.outcome, r.status, ids[r.reason], r.ttft_ms, r.duration_ms, r.input,
    r.output, r.cache_read, r.cache_write_5m, r.cache_write_1h, r.web_searches, r.cost_nano, r.saved_nano, r.unpriced,
    r.estimated, CASE WHEN r.ended_position > 0 THEN r.ended_position ELSE head + r.ended_position END
  FROM json_to_recordset(request_rows) AS r (position bigint, id text, admitted_at bigint, model integer, session integer,
    agent integer, parent_agent integer, client_key integer, project integer, stream integer, strategy integer, provider integer,
    served_model integer, attempts integer, outcome integer, status integer, reason integer, ttft_ms bigint,
    duration_ms bigint, input bigint, output bigint, cache_read bigint, cache_write_5m bigint, cache_write_1h bigint,
    web_searches bigint, cost_nano bigint, saved_nano bigint, unpriced bigint, estimated integer, ended_position bigint)
  ON CONFLICT (position) DO UPDATE SET strategy = excluded.strategy, provider = excluded.provider,
    served_model = excluded.served_model, attempts = excluded.attempts, outcome = excluded.outcome, status = excluded.status,
    reason = excluded.reason, ttft_ms = excluded.ttft_ms, duration_ms = excluded.duration_ms, input = excluded.input,
    output = excluded.output, cache_read = excluded.cache_read, cache_write_5m = excluded.cache_write_5m,
    cache_write_1h = excluded.cache_write_1h, web_searches = excluded.web_searches, cost_nano = excluded.cost_nano,
    saved_nano = excluded.saved_nano, unpriced = excluded.unpriced, estimated = excluded.estimated,
    ended_position = excluded.ended_position;

  WITH c AS (
    SELECT c.*, coalesce(ids[c.provider], 0) AS provider_id, coalesce(ids[c.model], 0) AS model_id, ids[c.asked] AS asked_id,
      coalesce(ids[c.session], 0) AS session_id, coalesce(ids[c.agent], 0) AS agent_id,
      coalesce(ids[c.parent_agent], 0) AS parent_id, coalesce(ids[c.client_key], 0) AS key_id,
      coalesce(ids[c.project], 0) AS project_id
    FROM json_to_recordset(cell_rows) AS c (hour bigint, provider integer, model integer, asked integer, session integer,
      agent integer, parent_agent integer, client_key integer, project integer, archived integer, ${SUMS.map((sum) => `${sum} bigint`).join(', ')})
  ), hours AS (
    INSERT INTO cost_hours AS k
    SELECT hour, provider_id, model_id, asked_id, key_id, project_id, archived, ${SUMMED}
    FROM c GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (hour, provider, model, asked, client_key, project, archived) DO UPDATE SET ${ADDED}
  )
  INSERT INTO cost_sessions AS k
  SELECT session_id, agent_id, parent_id, hour, provider_id, model_id, asked_id, key_id, project_id, archived, ${SUMMED}
  FROM c GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
  ON CONFLICT (session, agent, parent_agent, hour, provider, model, asked, client_key, project, archived)
    DO UPDATE SET ${ADDED};
END $$`

/** What comes after the last event must have its partition before it comes. Half a partition ahead there is the next one. */
const ADD_PARTITIONS = `
CREATE OR REPLACE FUNCTION signalbox.add_partitions(ahead bigint)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = signalbox, pg_temp AS $$
DECLARE
  size bigint;
  head bigint;
  part text;
BEGIN
  -- One at a time; not by the head, because appends go on meanwhile.
  SELECT s.partition_events INTO size FROM log_schema s FOR UPDATE;
  SELECT h.position INTO head FROM log_head h;
  FOR number IN head / size .. (head + greatest(size / 2, ahead)) / size LOOP
    part := 'events_' || number;
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING CONSTRAINTS INCLUDING STORAGE)', part);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (stream, stream_version)', part);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (writer, writer_seq)', part);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION refuse_change()', part);
    -- Unlike making it as a partition at once, this keeps nobody from reading or appending.
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, number * size + 1,
      (number + 1) * size + 1);
  END LOOP;
END $$`

/**
 * Removes requests with all their events, after they were written to an archive, and moves what they added to the sums to those of
 * archived events. The only code that can delete events. SB005: another process archives them too.
 */
const REMOVE_REQUESTS = `
CREATE OR REPLACE FUNCTION signalbox.remove_requests(
  request_positions bigint[], stream_names text[], texts text[], cell_rows json
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = signalbox, pg_temp AS $$
DECLARE
  found bigint;
  removed bigint;
  last bigint;
BEGIN
  PERFORM FROM log_head FOR UPDATE;
  DELETE FROM requests r WHERE r.position = ANY (request_positions);
  GET DIAGNOSTICS found = ROW_COUNT;
  IF found <> cardinality(request_positions) THEN
    RAISE EXCEPTION USING ERRCODE = 'SB005', MESSAGE = 'these requests are not in the log any more';
  END IF;
  PERFORM set_config('signalbox.archiving', 'on', true);
  WITH gone AS (
    DELETE FROM events e
    WHERE e.stream = ANY (stream_names) RETURNING e.writer, e.writer_seq, e.position
  ), noted AS (
    UPDATE writers w SET archived_seq = greatest(w.archived_seq, g.seq)
    FROM (SELECT writer, max(writer_seq) AS seq FROM gone GROUP BY writer) g WHERE w.id = g.writer
  )
  SELECT count(*), max(position) INTO removed, last FROM gone;
  PERFORM set_config('signalbox.archiving', 'off', true);
  DELETE FROM streams s WHERE s.stream = ANY (stream_names);
  UPDATE log_head h
    SET archived_to = greatest(h.archived_to, last), archived_events = h.archived_events + removed;
  PERFORM book(0, texts, '[]', cell_rows);
  RETURN removed;
END $$`

/** Only `remove_requests` sets what lets an event be deleted, and only for itself. */
const REFUSE_CHANGE = `
CREATE OR REPLACE FUNCTION signalbox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('signalbox.archiving', true) = 'on' THEN RETURN OLD; END IF;
  RAISE EXCEPTION USING ERRCODE = 'SB004', MESSAGE = 'the event log is append-only';
END $$`

const APPEND_ONLY = `
CREATE OR REPLACE TRIGGER no_change BEFORE UPDATE OR DELETE ON signalbox.events
  FOR EACH ROW EXECUTE FUNCTION signalbox.refuse_change();
CREATE OR REPLACE TRIGGER no_truncate BEFORE TRUNCATE ON signalbox.events EXECUTE FUNCTION signalbox.refuse_change()`

/** PostgreSQL lets everybody call a new function. */
const FOR_ITS_OWNER = `
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA signalbox FROM PUBLIC`

export const firstFunctions = [
  BOOK,
  APPEND,
  REFUSE_CHANGE,
  APPEND_ONLY,
  ADD_PARTITIONS,
  REMOVE_REQUESTS,
  FOR_ITS_OWNER,
].join(';\n')
