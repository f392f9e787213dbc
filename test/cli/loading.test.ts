/** What a command loads: the shortest way to a slow command line is an import at the top of a file that every command reads. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Says on standard error which packages the main thread has loaded. */
const TELLER = `
  import { registerHooks } from 'node:module'
  import { isMainThread } from 'node:worker_threads'
  const packages = new Set()
  registerHooks({ load(url, context, next) {
    const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? []
    if (name !== undefined) packages.add(name)
    return next(url, context)
  } })
  if (isMainThread) process.on('exit', () => console.error('\\nLOADED ' + [...packages].sort().join(' ')))
`

/** @returns the names of the packages that a command loads */
const loadedBy = async (...args: readonly string[]): Promise<readonly string[]> => {
  const teller = `data:text/javascript,${encodeURIComponent(TELLER)}`
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', teller, main, ...args], { cwd: tmpdir() })
  return (/^LOADED (.*)$/mu.exec(stderr)?.[1] ?? '').split(' ')
}

describe('the command line', () => {
  it('loads neither server nor database before it knows that they are asked for', async () => {
    const loaded = await loadedBy('--help')
    expect(loaded).toContain('effect')
    for (const name of ['undici', 'prom-client', 'kysely', 'pg', 'better-sqlite3', 'hyparquet-writer']) {
      expect(loaded).not.toContain(name)
    }
  })

  it('writes a file without what PostgreSQL needs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-loading-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const loaded = await loadedBy('simulate', '--hours', '0.1', '--json', '--log', join(folder, 'events.db'))
    expect(loaded).toContain('xstate')
    expect(loaded).not.toContain('pg')
    expect(loaded).not.toContain('kysely')
  })
})
