/** Where the event log is, and where this machine keeps what belongs to it. */
import { dirname, join, resolve } from 'node:path'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import { type Place, xdgFolder } from '#infra/config/place.ts'
import { ms } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import { defaultPostgresSettings, type PostgresSettings } from '#infra/event-log/postgres-settings.ts'

const SQLITE = 'sqlite:'
const PATH = ['database', 'url']

type Where = Pick<Config['database'], 'url' | 'folder'>

export const resolveDatabase = (
  { url, postgres }: NonNullable<ConfigFile['database']>,
  checks: Checks,
  place: Place,
): Config['database'] => ({ ...whereOf(url, checks, place), postgres: settingsOf(postgres, checks) })

const whereOf = (url: string | undefined, checks: Checks, place: Place): Where => {
  const data = xdgFolder(place, 'XDG_DATA_HOME', '.local/share')
  if (url === undefined) return { url: `${SQLITE}${join(data, 'signalbox.db')}`, folder: data }
  if (/^postgres(ql)?:/i.test(url)) {
    const name = URL.parse(url)?.pathname.slice(1) ?? ''
    if (name === '') checks.report('invalidValue', PATH, 'expected postgres://USER@HOST/DATABASE')
    return { url, folder: data }
  }
  if (!/^sqlite:./.test(url)) {
    checks.report('invalidValue', PATH, 'expected sqlite:PATH or postgres://USER@HOST/DATABASE')
  }
  const file = url.slice(SQLITE.length)
  if (file === ':memory:') return { url }
  const path = resolve(absolutePath(file, PATH, checks))
  return { url: `${SQLITE}${path}`, folder: dirname(path) }
}

/** [least, most] of each time; above 5 s a transaction that is stuck would be found too late. */
const BOUNDS = {
  statementTimeout: [1_000, Number.POSITIVE_INFINITY, 'expected at least 1 s'],
  lockTimeout: [100, 5_000, 'expected a duration from 100 ms to 5 s'],
  connectTimeout: [100, Number.POSITIVE_INFINITY, 'expected at least 100 ms'],
} as const

const settingsOf = (file: NonNullable<ConfigFile['database']>['postgres'], checks: Checks): PostgresSettings => {
  const standard = defaultPostgresSettings
  const time = (key: keyof typeof BOUNDS): number => {
    const [least, most, expected] = BOUNDS[key]
    const value = ms(file?.[key], standard[`${key}Ms`])
    if (value < least || value > most) checks.report('invalidValue', ['database', 'postgres', key], expected)
    return value
  }
  return {
    poolSize: file?.poolSize ?? standard.poolSize,
    statementTimeoutMs: time('statementTimeout'),
    lockTimeoutMs: time('lockTimeout'),
    connectTimeoutMs: time('connectTimeout'),
  }
}
