/**
 * The log when the process dies, or the disk fails, at a chosen write or fsync. SIGNALBOX_TEST_CRASH_POINTS=200 tries every
 * point up to there; by default some of them.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { known, readAll } from '#test/event-log-contract.ts'
import { byStrace, hasStrace, type Tracing, traced } from '#test/strace.ts'
import { logOf, newPath, withLog } from './log-file.ts'

/** Of one process; some seconds on a busy machine. */
const MOST_MS = 45_000
const WRITES = 'pwrite64,fsync,fdatasync,ftruncate'
const SYNCS = 'fsync,fdatasync'
const most = Number(process.env.SIGNALBOX_TEST_CRASH_POINTS ?? 0)
const POINTS = most > 0 ? Array.from({ length: most }, (_, n) => n + 1) : [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 200]

const scriptAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Runs a script under strace to its end, whichever it is, and answers the lines that it printed. */
const run = async (tracing: Tracing, script: string, ...args: string[]): Promise<readonly string[]> => {
  const child = traced(tracing, scriptAt(script), ...args)
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  // A point that is never reached must not leave a process behind.
  const limit = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), MOST_MS)
  await once(child, 'close')
  clearTimeout(limit)
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
}

/** A closed log of so many requests of four events. */
const copyOf = (requests: number): Promise<string> => Effect.runPromise(logOf(requests))

/** Opens it as the next start does: sound, whole batches only, and at least what was acknowledged. */
const expectSound = (path: string, acknowledged: number) =>
  Effect.runPromise(
    withLog(path, (log) =>
      Effect.gen(function* () {
        expect(yield* log.head).toBeGreaterThanOrEqual(acknowledged)
        const sizes = Map.groupBy(known(yield* readAll(log)), ({ stream }) => stream)
        // A batch is one request of four events.
        expect([...sizes.values()].filter((rows) => rows.length !== 4)).toEqual([])
        expect((yield* log.verify(() => {})).problems).toEqual([])
      }),
    ),
  )

describe.skipIf(!hasStrace)(byStrace('a process that is killed'), () => {
  it.each(POINTS)(
    'at its write or fsync number %i leaves a sound log with all that it had acknowledged',
    { timeout: 60_000 },
    async (point) => {
      const path = await copyOf(2)
      const tracing = { calls: WRITES, inject: `signal=SIGKILL:when=${point}` }
      const lines = await run(tracing, 'append-until-killed.ts', path, '1')
      await expectSound(path, Number(lines.at(-1) ?? 8))
    },
  )
})

describe.skipIf(!hasStrace)(byStrace('an append'), () => {
  it('is not acknowledged before an fsync', { timeout: 60_000 }, async () => {
    const path = newPath()
    const output = join(dirname(dirname(path)), 'trace')
    const requests = 25
    const lines = await run({ calls: SYNCS, output }, 'append-and-tell.ts', path, String(requests))
    expect(lines.filter((line) => line.startsWith('ok '))).toHaveLength(requests)
    const syncs = readFileSync(output, 'utf8')
      .split('\n')
      .filter((line) => /\bf(data)?sync\(/.test(line)).length
    expect(syncs).toBeGreaterThanOrEqual(requests)
  })

  it.each([
    ['an fsync fails', { calls: SYNCS, inject: 'error=EIO:when=4..8' }],
    ['a write fails', { calls: 'pwrite64', inject: 'error=EIO:when=20..24' }],
    ['the disk is full', { calls: 'pwrite64', inject: 'error=ENOSPC:when=20..24' }],
  ])(
    'says Unavailable when %s, and loses and doubles nothing when the disk works again',
    { timeout: 60_000 },
    async (_, tracing) => {
      const path = await copyOf(2)
      const requests = 20
      const lines = await run(tracing, 'append-and-tell.ts', path, String(requests))
      const positions = lines.filter((line) => line.startsWith('ok ')).map((line) => Number(line.slice(3)))
      expect(lines.filter((line) => line === 'Unavailable').length).toBeGreaterThan(0)
      expect(lines.filter((line) => !line.startsWith('ok ') && line !== 'Unavailable')).toEqual([])
      expect(positions).toEqual(Array.from({ length: requests }, (_, n) => 8 + (n + 1) * 4))
      await expectSound(path, 8 + requests * 4)
    },
  )
})

describe.skipIf(!hasStrace)(byStrace('a start on a new file'), () => {
  it.each([
    ['fails at once', 'pwrite64', 'EIO:when=12+'],
    ['is full', 'pwrite64', 'ENOSPC:when=12+'],
    ['fails while the tables are made', SYNCS, 'EIO:when=9+'],
  ])(
    'whose disk %s says so, and leaves a file that the next start completes',
    { timeout: 60_000 },
    async (_, calls, error) => {
      const path = newPath()
      const lines = await run({ calls, inject: `error=${error}` }, 'append-and-tell.ts', path, '1')
      expect(lines).toEqual([expect.stringMatching(/^Unavailable: the disk of the event log (is full|fails)/)])
      await expectSound(path, 0)
    },
  )
})
