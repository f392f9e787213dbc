/**
 * Bringing a database up to the schema of this release. Of many instances that start together one does it and the others wait for
 * it: all steps run in one transaction under a lock, so a database has had either all of a release or nothing.
 */
import { firstClusterSchema } from '#infra/cluster/postgres-schema.ts'
import { unusable } from '#infra/event-log/log-failure.ts'
import { type Ask, inTransaction } from '#infra/event-log/postgres-connections.ts'
import { firstFunctions } from '#infra/event-log/postgres-functions.ts'
import { firstTables } from '#infra/event-log/postgres-schema.ts'
import { PARTITION_EVENTS, SCHEMA, SCHEMA_VERSION } from '#infra/event-log/postgres-tables.ts'

/** "SIGB" and a number: names the lock among those of other programs. */
const LOCK_KEY = 0x5349_4742_0001
/** The others wait so long; a migration of a large log is not over sooner. */
const LOCK_WAIT = '10min'
/** The oldest that the tests run on. */
const OLDEST_SERVER = 150_000

type Step = (partitionEvents: number) => string

/** Step n lifts the version n to n + 1; there are SCHEMA_VERSION of them. */
const STEPS: readonly Step[] = [
  (partitionEvents) => `${firstTables(partitionEvents)}\n${firstClusterSchema}\n${firstFunctions}`,
]

/** Makes the tables, or brings them up to date. To be run on a connection without limits to the time of a statement. */
export const migrate = async (ask: Ask, partitionEvents = PARTITION_EVENTS): Promise<void> => {
  if ((await versionOf(ask)) === SCHEMA_VERSION) return
  await inTransaction(ask, async () => {
    await ask(`SET LOCAL lock_timeout = '${LOCK_WAIT}'`)
    await ask('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY])
    // Read again: another instance may have migrated it while this one waited.
    const have = await versionOf(ask)
    if (have === 0) await ask(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`)
    for (const [index, step] of STEPS.entries()) {
      if (index < have) continue
      await ask(step(partitionEvents))
    }
    await ask(`UPDATE ${SCHEMA}.log_schema SET version = $1`, [SCHEMA_VERSION])
  })
}

/** Rows at the end of the log whose positions are checked at every start; `verify` checks all. */
const CHECKED_TAIL = 1_000

/** Refuses a log whose head is not its last event, or that has a hole near its end. Cheap at any size. */
export const checkTail = async (ask: Ask): Promise<void> => {
  const [found] = await ask(
    `SELECT h.position, greatest(h.archived_to, coalesce((SELECT max(position) FROM ${SCHEMA}.events), 0)),
       greatest(h.archived_to, h.position - ${CHECKED_TAIL}),
       (SELECT count(*) FROM ${SCHEMA}.events
        WHERE position > (SELECT greatest(archived_to, position - ${CHECKED_TAIL}) FROM ${SCHEMA}.log_head))
     FROM ${SCHEMA}.log_head h`,
  )
  const [head, last, before, tail] = (found ?? []).map(Number)
  const advice = 'restore a backup, or look at the damage with `signalbox verify`'
  if (head === undefined) throw unusable(`the event log is damaged: its head is lost: ${advice}`)
  if (head !== last) {
    throw unusable(`the event log is damaged: its head is ${head}, its last event is at ${last}: ${advice}`)
  }
  if (tail !== head - (before ?? 0)) {
    throw unusable(`the event log is damaged: events are missing after position ${before}: ${advice}`)
  }
}

/** Refuses a database that this release cannot read as it is. */
export const checkCurrent = async (ask: Ask): Promise<void> => {
  const version = await versionOf(ask)
  if (version === SCHEMA_VERSION) return
  throw unusable(
    version === 0
      ? 'there is no event log in this database: start `signalbox serve` first, or check SIGNALBOX_DATABASE_URL'
      : `the event log has the older schema ${version}: start \`signalbox serve\` once to bring it to ${SCHEMA_VERSION}`,
  )
}

/** The schema version; 0: there is no log yet. Refuses what is not ours, and what is newer. Writes nothing. */
const versionOf = async (ask: Ask): Promise<number> => {
  const [found] = await ask(
    `SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
       to_regclass('${SCHEMA}.log_schema') IS NOT NULL,
       (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('${SCHEMA}'))`,
  )
  const [server, name, isOurs, tables] = found ?? []
  if (Number(server) < OLDEST_SERVER)
    throw unusable(`PostgreSQL ${name} is too old for the event log: take 15 or newer`)
  if (isOurs !== true) {
    if (tables === 0) return 0
    throw unusable(
      `the database has a schema ${SCHEMA} that is not an event log: name another database with SIGNALBOX_DATABASE_URL`,
    )
  }
  const [row] = await ask(`SELECT version FROM ${SCHEMA}.log_schema`)
  const version = Number(row?.[0])
  if (version > SCHEMA_VERSION) {
    throw unusable(
      `the event log was written by a newer Signalbox (schema ${version}, this one knows ${SCHEMA_VERSION}): ` +
        'upgrade this one, or name another database with SIGNALBOX_DATABASE_URL',
    )
  }
  return version
}
