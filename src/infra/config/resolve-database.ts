/** Where the event log is, and where this machine keeps what belongs to it. */
import { dirname, join, resolve } from 'node:path'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import { type Place, xdgFolder } from '#infra/config/place.ts'

const SQLITE = 'sqlite:'
const PATH = ['database', 'url']

export const resolveDatabase = (url: string | undefined, checks: Checks, place: Place): Config['database'] => {
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
