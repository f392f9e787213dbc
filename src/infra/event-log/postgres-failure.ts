/**
 * Failures of PostgreSQL and of the way to it, in the port's words. What decides is the SQLSTATE of the server or the code of the
 * network, never a message. No detail of a statement is told on: it could hold what clients sent.
 */
import pg from 'pg'
import type { EventLogReason } from '#actors/ports.ts'
import { LogFailure } from '#infra/event-log/log-failure.ts'

/** Raised by the function that appends (postgres-functions.ts). */
export const SQLSTATE = {
  /** The writer's next number is another one: the events are there already, or one before them is missing. */
  writerSequence: 'SB001',
  /** The stream has another version than the one that was to be followed. */
  streamVersion: 'SB002',
  /** The books were folded from another state of the request. */
  staleFold: 'SB003',
  /** Somebody tried to change or delete an event. */
  appendOnly: 'SB004',
  /** Requests that are to be removed are gone already. */
  alreadyRemoved: 'SB005',
  /** There is no partition for the next positions: 23514, check_violation. */
  noPartition: '23514',
  /** A connection pooler does not take settings of a session: protocol_violation. */
  refusedSetting: '08P01',
} as const

/** The SQLSTATE of a failure; undefined when it did not come from the server. */
export const sqlStateOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined

/** Whether the connection goes on after this failure. The severity would say it too, in the language of the server. */
export const leavesConnection = (error: unknown): boolean => {
  if (error instanceof LogFailure) return true
  const state = sqlStateOf(error)
  return state !== undefined && !ENDING_STATES.some((beginning) => state.startsWith(beginning))
}

const ENDING_STATES = ['08', '57P', '25P0']

/** The reason of a failure, or undefined for a bug of ours. */
export const reasonOf = (error: unknown): EventLogReason | undefined => {
  if (error instanceof LogFailure) return error.reason
  // Every message of a server has a code; without one the driver says that what came was no message.
  if (error instanceof pg.DatabaseError) {
    return error.code === undefined ? lost(error) : serverReason(error.code, error.message)
  }
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return wayReason(error.code)
  // The driver says so of lost and late connections with errors of no class and no code.
  return error.constructor === Error ? lost(error) : undefined
}

const lost = ({ message }: Error): EventLogReason => ({
  ...{ _tag: 'Unavailable', detail: `the connection to the event log is lost (${message})` },
})

const serverReason = (code: string, message: string): EventLogReason | undefined => {
  const entry = MEANINGS.find(([beginning]) => code.startsWith(beginning))
  return entry === undefined ? undefined : { _tag: entry[1], detail: `${entry[2]} (PostgreSQL ${code}: ${message})` }
}

/** What Node says of files, names, connections and certificates. */
const wayReason = (code: string): EventLogReason => {
  if (CONNECTION_CODES.has(code) || isBrokenTls(code))
    return { _tag: 'Unavailable', detail: `the event log cannot be reached (${code})` }
  const advice = FILE_CODES.has(code)
    ? 'a file that the database URL names cannot be read: check sslrootcert, sslcert and sslkey'
    : 'the connection to the event log cannot be made as the database URL says: check sslmode and the certificates'
  return { _tag: 'Unusable', detail: `${advice} (${code})` }
}

const CONNECTION_CODES: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ERR_STREAM_DESTROYED'],
  // The folder of a Unix socket where no server listens.
  ...['ERR_STREAM_WRITE_AFTER_END', 'ENOTCONN'],
  // TLS met something broken while it was writing.
  'EPROTO',
])

/** OpenSSL's word for a record that was changed on the way, and not for what the two sides cannot agree on, which stays as it is. */
const isBrokenTls = (code: string): boolean =>
  code.startsWith('ERR_SSL_') &&
  !/CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|UNSUPPORTED|PROTOCOL_VERSION|NO_SHARED/.test(code)

const FILE_CODES: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EISDIR', 'EPERM'])

const BUSY = 'another transaction holds the event log locked'
const GOING = 'the database server is going down or coming up'
const ROLES = 'the event log may not be used by this role: grant it what deploy/postgresql/roles.sql says'

/** Beginnings of SQLSTATEs, the first that fits; what they are to us, and what to do. */
const MEANINGS: readonly (readonly [code: string, tag: EventLogReason['_tag'], advice: string])[] = [
  ['08', 'Unavailable', 'the connection to the event log is lost'],
  ['57P0', 'Unavailable', GOING],
  ['57014', 'Unavailable', 'the event log took longer than the statement timeout'],
  ['55P03', 'Unavailable', BUSY],
  ['40', 'Unavailable', BUSY],
  ['25P03', 'Unavailable', 'a transaction was idle for too long'],
  ['25P04', 'Unavailable', 'a transaction took too long'],
  ['25006', 'Unavailable', 'the database server is read-only: it is a standby, or about to be one'],
  ['53300', 'Unavailable', 'the database server has no connection left: raise max_connections or lower poolSize'],
  ['53100', 'Unavailable', 'the disk of the database server is full: free some space'],
  ['53', 'Unavailable', 'the database server lacks resources'],
  ['58', 'Unavailable', 'the disk of the database server fails: look at its system log'],
  ['23505', 'Conflict', 'the event log already has another event in this place'],
  [SQLSTATE.staleFold, 'Unavailable', BUSY],
  [SQLSTATE.alreadyRemoved, 'Unavailable', 'another process archives requests at the same time'],
  [SQLSTATE.streamVersion, 'Conflict', 'the version of a stream is not free'],
  [SQLSTATE.writerSequence, 'Conflict', 'the number of a writer is not free'],
  ['28', 'Unusable', 'the database server refuses the login: check user, password and its pg_hba.conf'],
  ['3D000', 'Unusable', 'there is no such database: create it, or correct database.url'],
  ['42501', 'Unusable', ROLES],
  ['3F000', 'Unusable', 'the event log is not in this database any more'],
  ['42P01', 'Unusable', 'tables of the event log are missing: restore a backup, or name another database'],
  ['42883', 'Unusable', 'functions of the event log are missing: restore a backup, or name another database'],
  ['XX00', 'Unusable', 'the database server finds its data damaged: restore a backup'],
]
