/**
 * Where the event log is. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { duration, opt, text, whole } from '#infra/config/schema-leaf.ts'
import { defaultPostgresSettings as postgres } from '#infra/event-log/postgres-settings.ts'

const Postgres = Schema.Struct({
  poolSize: whole(
    'Connections of this instance at most, one of them for appends; what instances share takes five more.',
    2,
    1_000,
    postgres.poolSize,
  ),
  statementTimeout: duration('A statement that takes longer is given up; at least 1 s.', postgres.statementTimeoutMs),
  lockTimeout: duration(
    'An append that waits longer for those of other instances is given up, and tried again; from 100 ms to 5 s.',
    postgres.lockTimeoutMs,
  ),
  connectTimeout: duration('Longest wait for a connection; at least 100 ms.', postgres.connectTimeoutMs),
}).annotate({ description: 'How PostgreSQL is used. Without effect on a log in SQLite.' })

export const Database = Schema.Struct({
  url: opt(
    text('sqlite:PATH or postgres://USER@HOST/DATABASE').annotate({
      description:
        'The event log: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` for one that several instances share; `?sslmode=verify-full&sslrootcert=PATH` after it encrypts the way there, `?passwordfile=PATH` names a file that holds the password instead. Default: `signalbox/signalbox.db` in the XDG data folder.',
      concealed: true,
      form: 'URL',
    }),
  ),
  postgres: opt(Postgres),
}).annotate({ description: 'Where the event log lives. Takes effect at the next start.' })
