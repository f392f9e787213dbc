/**
 * Where the running Signalbox is and which token it takes. A status bar asks every few hundred milliseconds, and loading the
 * whole configuration takes longer than that; so the few settings that count are read by themselves, and only what cannot be
 * read so has the configuration loaded.
 */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { findConfigFile, type Place, xdgFolder } from '#infra/config/place.ts'

export interface Box {
  /** Without a slash at its end. */
  readonly url: string
  /** Undefined: there is none. */
  readonly token: string | undefined
  /** Absent: as Node would. */
  readonly tls?: SecureContextOptions | undefined
}

/** Undefined: the configuration is not usable, or there is none of a running Signalbox. */
export const findBox = async (place: Place): Promise<Box | undefined> =>
  (await boxBySettings(place)) ?? (await boxByConfiguration(place))

/** What is read of the file; everything may be missing, or be something else. */
interface Written {
  readonly include?: unknown
  readonly server?: {
    readonly host?: unknown
    readonly port?: unknown
    readonly adminToken?: TokenPlace
    readonly tls?: unknown
  }
  readonly database?: { readonly url?: unknown }
}
type TokenPlace = { readonly env?: unknown; readonly file?: unknown }

/** Undefined: something is said in a way that only the configuration's own reader understands. */
export const boxBySettings = async (place: Place): Promise<Box | undefined> => {
  const { environment } = place
  // An empty variable counts as not set.
  const named = environment.SIGNALBOX_CONFIG || undefined
  const path = findConfigFile(place, named)
  const written = path === undefined ? {} : await readSettings(path)
  if (written === undefined || written.include !== undefined || hasLongNames(environment)) return undefined
  if (written.server?.tls !== undefined) return undefined
  const host = environment.SIGNALBOX_HOST || text(written.server?.host) || '127.0.0.1'
  const port = environment.SIGNALBOX_PORT || text(written.server?.port) || '8080'
  const database = environment.SIGNALBOX_DATABASE_URL || text(written.database?.url)
  const folder =
    database === undefined || /^postgres(ql)?:/i.test(database)
      ? xdgFolder(place, 'XDG_DATA_HOME', '.local/share')
      : folderOf(database)
  const token = environment.SIGNALBOX_ADMIN_TOKEN || tokenAt(written.server?.adminToken, folder, environment)
  if (token === undefined || !PLAIN_HOST.test(host)) return undefined
  return { url: clientUrl(place) ?? `http://${host}:${port}`, token }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined

const readSettings = async (path: string): Promise<Written | undefined> => {
  try {
    const { parse } = await import('yaml')
    const written: unknown = parse(readFileSync(path, 'utf8'))
    return typeof written === 'object' && written !== null ? written : {}
  } catch {
    // The configuration's own reader will say what is wrong with it.
    return undefined
  }
}

/** `SIGNALBOX_SERVER__PORT` and the like. */
const hasLongNames = (environment: Place['environment']): boolean =>
  Object.keys(environment).some((name) => /^SIGNALBOX_(SERVER|DATABASE)__/.test(name))

/** Listening everywhere is no address to call, and one with colons is written otherwise. */
const PLAIN_HOST = /^(?!0\.0\.0\.0$)[A-Za-z0-9.-]+$/

/** Undefined for what is relative to something, and for a log in memory. */
const folderOf = (database: string): string | undefined => {
  const path = database.replace(/^sqlite:/, '')
  return isAbsolute(path) ? dirname(path) : undefined
}

const tokenAt = (
  place: TokenPlace | undefined,
  folder: string | undefined,
  environment: Place['environment'],
): string | undefined => {
  if (place === undefined) return folder === undefined ? undefined : readToken(join(folder, 'admin-token'))
  if (typeof place.env === 'string') return environment[place.env]
  return typeof place.file === 'string' && isAbsolute(place.file) ? readToken(resolve(place.file)) : undefined
}

const readToken = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    // Nothing has started here yet, or it is not ours to read.
    return undefined
  }
}

/**
 * The address that Claude Code itself uses, if it is one of this machine: the admin token must not go to whoever else that
 * variable may name.
 */
const clientUrl = ({ environment }: Place): string | undefined => {
  const url = URL.parse(environment.ANTHROPIC_BASE_URL ?? '')
  return url !== null && LOOPBACK.test(url.hostname) ? url.origin : undefined
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/i

/** By the configuration, whose modules are loaded only now. */
const boxByConfiguration = async (place: Place): Promise<Box | undefined> => {
  const [{ Effect, Redacted, Result }, { loadConfig }, { adminAccess }, { serverUrl }, { tlsOf }] = await Promise.all([
    import('effect'),
    import('#infra/config/load.ts'),
    import('#infra/admin-token.ts'),
    import('#cli/server-url.ts'),
    import('#cli/ask-box.ts'),
  ])
  const found = Effect.gen(function* () {
    const config = yield* loadConfig(place)
    const { tokens } = yield* adminAccess(config, place.environment)
    const tls = yield* Effect.tryPromise(() => tlsOf(config.server))
    return { url: clientUrl(place) ?? serverUrl(config), token: Redacted.value(tokens.admin), tls }
  })
  return Result.getOrUndefined(await Effect.runPromise(Effect.result(found)))
}
