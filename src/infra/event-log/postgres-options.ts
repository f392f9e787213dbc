/** How the event log on PostgreSQL is reached. The URL may hold a password, so no message may hold the URL. */
import pg from 'pg'
import { defaultPostgresSettings, type PostgresSettings } from '#infra/event-log/postgres-settings.ts'
import { makeSocket } from '#infra/event-log/postgres-socket.ts'

export interface PostgresOptions {
  /** `postgres://…` or `postgresql://…`, with what libpq knows as sslmode, sslrootcert, sslcert and sslkey as parameters. */
  readonly url: string
  readonly settings?: PostgresSettings
}

/** Nothing here leaves a transaction open to wait for anything but the next statement. */
const IDLE_IN_TRANSACTION_MS = 10_000
/** The server gives a statement up by itself; this is for a server, or a way to it, that is silent. */
const SILENCE_MS = 5_000
/** A probe after so long an idle time keeps the state of firewalls alive, and finds peers that are gone. */
const KEEP_ALIVE_MS = 30_000

export type Session =
  /** Short statements, each of which may be given up. */
  | 'short'
  /** Long work: migrations, verifying, archives. */
  | 'long'
  /** Settings are not sent with the connection, because a pooler before the server would not take them. */
  | 'pooled'
  | 'pooledLong'

export const clientConfig = ({ url, settings = defaultPostgresSettings }: PostgresOptions, session: Session) => {
  const { statementTimeoutMs, lockTimeoutMs, connectTimeoutMs } = settings
  const isLong = session === 'long' || session === 'pooledLong'
  const isPooled = session === 'pooled' || session === 'pooledLong'
  const config: pg.ClientConfig = {
    connectionString: withLibpqModes(url),
    fallback_application_name: 'signalbox',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: TYPES,
    stream: makeSocket,
    ...(isLong ? {} : { query_timeout: statementTimeoutMs + SILENCE_MS }),
    ...(session === 'short' ? { statement_timeout: statementTimeoutMs } : {}),
    ...(isPooled ? {} : { lock_timeout: lockTimeoutMs, idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS }),
  }
  return config
}

/** Without this the driver takes `require` for `verify-full`, and warns that it will not for ever. */
const withLibpqModes = (url: string): string => {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.searchParams.has('uselibpqcompat')) return url
  return `${url}${parsed.search === '' ? '?' : '&'}uselibpqcompat=true`
}

/**
 * Removes the password of a URL from a text, as it stands in the URL and as it is sent. The driver never puts it into a message,
 * but a server may.
 */
export const withoutPassword = (url: string, text: string): string => {
  const parsed = URL.parse(url)
  const passwords = [parsed?.password ?? '', parsed?.searchParams.get('password') ?? '']
  return passwords
    .flatMap((password) => [password, decoded(password)])
    .filter((password) => password !== '')
    .reduce((masked, password) => masked.replaceAll(password, '•••'), text)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // A per cent sign that stands for itself.
    return text
  }
}

/** Whole numbers are positions, counts, times and money, all below 2^53; JSON is decoded by codec.ts. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (oid === INT8 || oid === NUMERIC) return Number
    if (oid === JSON_TEXT) return String
    return pg.types.getTypeParser(oid, format)
  },
}
const [INT8, NUMERIC, JSON_TEXT] = [20, 1700, 114]
