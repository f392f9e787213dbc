/**
 * The steps that make the tables of the SQLite log. `user_version` counts the steps that a file has had; a step is never
 * edited once released, only followed by another. Loaded only when a file needs it: Kysely is large.
 */
import type { Database } from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { RARE } from '#infra/event-log/read-limits.ts'
import { APPLICATION_ID, type LogTables } from '#infra/event-log/sqlite-tables.ts'

/** Runs the steps that the file has not had, each in a transaction with its number. */
export const migrate = async (database: Database, have: number): Promise<void> => {
  // Never destroyed: that would close the connection, which is not Kysely's own.
  const kysely = new Kysely<LogTables>({ dialect: new SqliteDialect({ database }) })
  for (const [index, step] of STEPS.entries()) {
    if (index < have) continue
    database.exec('BEGIN')
    try {
      await step(kysely)
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}; COMMIT`)
    } catch (error) {
      // Where the disk fails SQLite has rolled back by itself; Kysely's own transaction would then tell of that alone.
      if (database.inTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
}

type Step = (db: Kysely<LogTables>) => Promise<void>

const firstSchema: Step = async (db) => {
  const strict = sql`strict`
  await db.schema
    .createTable('log_head')
    .addColumn('one', 'integer', (c) => c.primaryKey().check(sql`one = 1`))
    .addColumn('position', 'integer', (c) => c.notNull())
    .modifyEnd(strict)
    .execute()
  await db.insertInto('log_head').values({ one: 1, position: 0 }).execute()
  await db.schema
    .createTable('writers')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .modifyEnd(strict)
    .execute()
  await db.schema
    .createTable('events')
    .addColumn('position', 'integer', (c) => c.primaryKey())
    .addColumn('stream', 'text', (c) => c.notNull())
    .addColumn('stream_version', 'integer', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('schema_version', 'integer', (c) => c.notNull())
    .addColumn('writer', 'integer', (c) => c.notNull())
    .addColumn('writer_seq', 'integer', (c) => c.notNull())
    .addColumn('occurred_at', 'integer', (c) => c.notNull())
    .addColumn('recorded_at', 'integer', (c) => c.notNull())
    .addColumn('correlation', 'text')
    .addColumn('causation', 'integer')
    .addColumn('data', 'text', (c) => c.notNull().check(sql`json_valid(data)`))
    .addUniqueConstraint('events_stream', ['stream', 'stream_version'])
    .addUniqueConstraint('events_writer', ['writer', 'writer_seq'])
    .modifyEnd(strict)
    .execute()
  await sql.raw(`CREATE INDEX events_rare_type ON events (type) WHERE ${RARE}`).execute(db)
  await sql`CREATE INDEX events_correlation ON events (correlation) WHERE correlation IS NOT NULL`.execute(db)
  await db.schema.createIndex('events_occurred_at').on('events').column('occurred_at').execute()
  for (const change of ['UPDATE', 'DELETE']) {
    await sql
      .raw(
        `CREATE TRIGGER events_no_${change.toLowerCase()} BEFORE ${change} ON events
         BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END`,
      )
      .execute(db)
  }
  await db.schema
    .createTable('holder')
    .addColumn('one', 'integer', (c) => c.primaryKey().check(sql`one = 1`))
    .addColumn('pid', 'integer', (c) => c.notNull())
    .addColumn('host', 'text', (c) => c.notNull())
    .addColumn('since', 'integer', (c) => c.notNull())
    .modifyEnd(strict)
    .execute()
  await db.schema
    .createTable('snapshots')
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('snapshots_key', ['version', 'position'])
    .modifyEnd(strict)
    .execute()
  await sql`
    CREATE VIEW event_log AS
    SELECT position, stream, stream_version, type, schema_version, writers.name AS writer, writer_seq,
      strftime('%Y-%m-%dT%H:%M:%fZ', occurred_at / 1000.0, 'unixepoch') AS occurred,
      strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1000.0, 'unixepoch') AS recorded,
      CASE WHEN correlation = '' THEN NULL
           WHEN correlation IS NULL AND stream LIKE 'request:%' THEN substr(stream, 9)
           ELSE correlation END AS correlation,
      causation, data
    FROM events LEFT JOIN writers ON writers.id = events.writer`.execute(db)
}

/**
 * The books, empty (sqlite-catch-up.ts fills them), and what the log must remember of events that went to an archive. The
 * sums of a cell are spelled out in both tables, because this text must stay what it is when the code moves on.
 */
const books: Step = async (db) => {
  const sums = `
    requests INTEGER NOT NULL, attempts INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL, web_searches INTEGER NOT NULL, cost_nano INTEGER NOT NULL, list_nano INTEGER NOT NULL,
    saved_nano INTEGER NOT NULL, switch_nano INTEGER NOT NULL, unpriced INTEGER NOT NULL, estimated INTEGER NOT NULL,
    estimated_nano INTEGER NOT NULL`
  const statements = [
    'CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT',
    `CREATE TABLE requests (
       position INTEGER PRIMARY KEY, id TEXT NOT NULL, admitted_at INTEGER NOT NULL, model INTEGER NOT NULL, session INTEGER,
       agent INTEGER, parent_agent INTEGER, client_key INTEGER, project INTEGER, stream INTEGER NOT NULL, strategy INTEGER,
       provider INTEGER, served_model INTEGER, attempts INTEGER NOT NULL, outcome INTEGER, status INTEGER, reason INTEGER,
       ttft_ms INTEGER, duration_ms INTEGER, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
       cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, web_searches INTEGER NOT NULL,
       cost_nano INTEGER NOT NULL, saved_nano INTEGER NOT NULL, unpriced INTEGER NOT NULL, estimated INTEGER NOT NULL,
       ended_position INTEGER
     ) STRICT`,
    'CREATE INDEX requests_session ON requests (session) WHERE session IS NOT NULL',
    'CREATE INDEX requests_provider ON requests (provider)',
    'CREATE INDEX requests_unsuccessful ON requests (outcome) WHERE outcome > 1',
    `CREATE TABLE cost_hours (
       hour INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL, asked INTEGER NOT NULL,
       client_key INTEGER NOT NULL, project INTEGER NOT NULL, archived INTEGER NOT NULL, ${sums},
       PRIMARY KEY (hour, provider, model, asked, client_key, project, archived)
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE cost_sessions (
       session INTEGER NOT NULL, agent INTEGER NOT NULL, parent_agent INTEGER NOT NULL, hour INTEGER NOT NULL,
       provider INTEGER NOT NULL, model INTEGER NOT NULL, asked INTEGER NOT NULL, client_key INTEGER NOT NULL,
       project INTEGER NOT NULL, archived INTEGER NOT NULL, ${sums},
       PRIMARY KEY (session, agent, parent_agent, hour, provider, model, asked, client_key, project, archived)
     ) STRICT, WITHOUT ROWID`,
    'CREATE TABLE books (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, folded_to INTEGER) STRICT',
    'INSERT INTO books (one, version, folded_to) VALUES (1, 0, 0)',
    'ALTER TABLE log_head ADD COLUMN archived_to INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE log_head ADD COLUMN archived_events INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE writers ADD COLUMN archived_seq INTEGER NOT NULL DEFAULT 0',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Snapshots as bytes, with the time of their last event: see snapshot-pack.ts. A text is carried over as its bytes. */
const packedSnapshots: Step = async (db) => {
  const statements = [
    'ALTER TABLE snapshots RENAME TO old_snapshots',
    `CREATE TABLE snapshots (
       version TEXT NOT NULL, position INTEGER NOT NULL, occurred_at INTEGER, base INTEGER, state BLOB NOT NULL,
       PRIMARY KEY (version, position)
     ) STRICT`,
    `INSERT INTO snapshots (version, position, occurred_at, state)
       SELECT version, position, (SELECT occurred_at FROM events WHERE events.position = old_snapshots.position),
         CAST(state AS BLOB)
       FROM old_snapshots`,
    'DROP TABLE old_snapshots',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** Step n lifts user_version n to n + 1; there are SCHEMA_VERSION of them. */
const STEPS: readonly Step[] = [firstSchema, books, packedSnapshots]
