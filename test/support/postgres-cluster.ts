/**
 * A PostgreSQL server of one's own: started in half a second, stopped, killed and started again as a test wants it. Most tests
 * need only a database, which postgres.ts gives them on a server that all share.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type PostgresRelease, programs, reachableFolder, serverUser } from '#test/postgres-programs.ts'

const START_MS = 30_000

export interface PostgresCluster {
  readonly port: number
  /** `postgres://…` of a database, for the superuser. */
  readonly url: (database: string) => string
  /** Starts it again after `stop` or `kill`, on the same port. */
  readonly start: () => Promise<void>
  /** Ends all connections and the server, in good order. */
  readonly stop: () => Promise<void>
  /** As a power cut of the server alone: every process of it dies at once. */
  readonly kill: () => Promise<void>
  /** Stops it and deletes its data. */
  readonly remove: () => Promise<void>
}

export interface ClusterOptions {
  /** Of postgresql.conf, e.g. `max_connections=5`. */
  readonly settings?: readonly string[]
  /** Everybody needs a password, and this is the superuser's; without it nobody needs one. */
  readonly password?: string
  /** The newest without it. */
  readonly release?: PostgresRelease
}

export const startCluster = async ({
  settings = [],
  password,
  release = 18,
}: ClusterOptions = {}): Promise<PostgresCluster> => {
  const folder = reachableFolder()
  const bin = programs(folder, release)
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (serverUser !== undefined) chownSync(data, serverUser.uid, serverUser.gid)
  const passwordFile = join(folder, 'password')
  if (password !== undefined) writeFileSync(passwordFile, password)
  const login = password === undefined ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  await promisify(execFile)(
    join(bin, 'initdb'),
    ['--pgdata', data, '--username=postgres', ...login, '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...serverUser, cwd: data, env: ENVIRONMENT },
  )
  const port = await freePort()
  let server: ChildProcess | undefined

  const start = async (giveUpAt = performance.now() + START_MS): Promise<void> => {
    const log = openSync(join(folder, 'log'), 'a')
    const options = [...SETTINGS, `port=${port}`, ...settings].flatMap((setting) => ['-c', setting])
    const child = spawn(join(bin, 'postgres'), ['-D', data, ...options], {
      ...{ ...serverUser, cwd: data, env: ENVIRONMENT, stdio: ['ignore', 'ignore', log] },
    })
    closeSync(log)
    server = child
    while (!isReady(data, child)) {
      if (performance.now() > giveUpAt) {
        throw new Error(`PostgreSQL does not start:\n${readFileSync(join(folder, 'log'), 'utf8')}`)
      }
      await wait(10)
      // After a kill, processes of the server before may still be about to end; until then there is no room for another.
      if (child.exitCode !== null || child.signalCode !== null) return start(giveUpAt)
    }
  }

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server
    server = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'close')
  }

  await start()

  return {
    port,
    url: (database) => {
      const user = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`
      return `postgres://${user}@127.0.0.1:${port}/${database}`
    },
    start: () => start(),
    // "Fast shutdown": open transactions are rolled back.
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    remove: async () => {
      await end('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What is fsynced survives a power cut of the machine only; tests cut that of processes. */
const SETTINGS = [
  ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100', 'shared_buffers=64MB'],
  ...['fsync=off', 'full_page_writes=off', 'timezone=UTC'],
]

/** Neither a variable of the developer's own PostgreSQL nor a language may change what tests see. */
const ENVIRONMENT = { PATH: process.env.PATH, LC_ALL: 'C' }

/** The server writes into this file how far it is; the file of an earlier server, which was killed, has another process in it. */
const isReady = (data: string, { pid }: ChildProcess): boolean => {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
