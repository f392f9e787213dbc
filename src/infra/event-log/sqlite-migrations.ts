/**
 * The steps that make the tables of the SQLite log. `user_version` counts the steps that a file has had; a step is never
 * edited once released, only followed by another. Loaded only when a file needs it: Kysely is large.
 */
import type { Database } from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { APPLICATION_ID, type LogTables, RARE } from '#infra/event-log/sqlite-tables.ts'

/** Runs the steps that the file has not had, each in a transaction with its number. */
export const migrate = async (database: Database, have: number): Promise<void> => {
  // Never destroyed: that would close the connection, which is not Kysely's own.
  const kysely = new Kysely<LogTables>({ dialect: new SqliteDialect({ database }) })
  for (const [index, step] of STEPS.entries()) {
    if (index < have) continue
    await kysely.transaction().execute(async (transaction) => {
      await step(transaction)
      await sql.raw(`PRAGMA application_id = ${APPLICATION_ID}`).execute(transaction)
      await sql.raw(`PRAGMA user_version = ${index + 1}`).execute(transaction)
    })
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

/** Step n lifts user_version n to n + 1; there are SCHEMA_VERSION of them. */
const STEPS: readonly Step[] = [firstSchema]
