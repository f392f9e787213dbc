/**
 * A backup as docs/operations.md has it, taken while the log is written to: it is a whole log by itself, and one can go on with it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath, withLog } from './log-file.ts'

const APPENDING = fileURLToPath(new URL('append-until-killed.ts', import.meta.url))

/** What the SQLite shell does with the same words. */
const backUp = (path: string, to: string): void => {
  const database = new Database(path)
  database.prepare('VACUUM INTO ?').run(to)
  database.close()
}

it('under load is sound, holds what was acknowledged before it, and takes more', { timeout: 60_000 }, async () => {
  const path = newPath()
  const child = spawn(process.execPath, [APPENDING, path, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const acknowledged = (): number => Number(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1) ?? 0)
  while (acknowledged() < 400) await once(child.stdout, 'data')
  const backups: { readonly to: string; readonly promised: number }[] = []
  for (let n = 0; n < 5; n++) {
    const promised = acknowledged()
    const to = join(dirname(path), `backup-${n}.db`)
    backUp(path, to)
    backups.push({ to, promised })
    while (acknowledged() < promised + 100) await once(child.stdout, 'data')
  }
  const gone = once(child, 'close')
  child.kill('SIGKILL')
  await gone
  for (const { to, promised } of backups) {
    await Effect.runPromise(
      withLog(to, (log) =>
        Effect.gen(function* () {
          const head = yield* log.head
          expect(head).toBeGreaterThanOrEqual(promised)
          expect(yield* log.verify(() => {})).toEqual({ events: head, head, problems: [] })
          expect(yield* log.append(envelopes('after_the_restore')(servedRequest(77_000_000)))).toBe(head + 4)
        }),
      ),
    )
  }
  // They were taken at different moments of a log that grew.
  expect(new Set(backups.map(({ promised }) => promised)).size).toBe(5)
})
