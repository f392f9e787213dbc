/** What an operator may set about the connections to PostgreSQL. The configuration loads this file, and not the driver. */

export interface PostgresSettings {
  /** Connections of this process at most; one of them is kept for appends. */
  readonly poolSize: number
  /** A statement that takes longer is given up. */
  readonly statementTimeoutMs: number
  /** Nobody waits longer for another transaction. */
  readonly lockTimeoutMs: number
  readonly connectTimeoutMs: number
}

/** The lock that matters is that of the head of the log, held for some milliseconds; who holds it for seconds is stuck. */
export const defaultPostgresSettings: PostgresSettings = {
  poolSize: 10,
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 3_000,
  connectTimeoutMs: 5_000,
}
