/**
 * Processes that die: what was acknowledged is there, no batch is torn, and the next process starts at once.
 * SIGNALBOX_TEST_KILLS sets the number of kills (a handful by default; hundreds in a long run).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { known, readAll } from '#test/event-log-contract.ts'
import { newPath, withLog, withReader } from './log-file.ts'

const KILLS = Number(process.env.SIGNALBOX_TEST_KILLS ?? 5)

it(`loses nothing acknowledged in ${KILLS} kills at any moment`, { timeout: 60_000 + KILLS * 5_000 }, async () => {
  const path = newPath()
  for (let round = 1; round <= KILLS; round++) {
    const child = startAppending(path, round)
    const acknowledged = await killAfter(child, 3 + ((round * 37) % 90), (round * 13) % 7)
    const run = withLog(path, (log) =>
      Effect.gen(function* () {
        expect(yield* log.head).toBeGreaterThanOrEqual(acknowledged.at(-1)!)
        const events = known(yield* readAll(log))
        expect(events.length).toBe(yield* log.head)
        const sizes = new Map<string, number>()
        for (const { stream } of events) sizes.set(stream, (sizes.get(stream) ?? 0) + 1)
        // A batch is one request of four events: each is there whole or not at all.
        expect([...sizes.values()].filter((size) => size !== 4)).toEqual([])
        if (round === KILLS) expect((yield* log.verify(() => {})).problems).toEqual([])
      }),
    )
    // The first open after a kill may also be a reader's, which then has the WAL to recover.
    if (round % 2 === 0) expect(await Effect.runPromise(withReader(path, (log) => log.head))).toBeGreaterThan(0)
    await Effect.runPromise(run)
  }
})

it('refuses a second process on the same file, names the first, and lets go when the first is killed', async () => {
  const path = newPath()
  const first = startAppending(path, 1)
  await firstLine(first)
  const error = await Effect.runPromise(Effect.flip(withLog(path, (log) => log.head)))
  expect(error.reason._tag).toBe('Unusable')
  expect(error.message).toMatch(
    new RegExp(
      `process ${first.pid} on .* is using the event log .*: stop it first, or give this one a file of its own`,
    ),
  )
  first.kill('SIGKILL')
  await once(first, 'close')
  expect(await Effect.runPromise(withLog(path, (log) => log.head))).toBeGreaterThan(0)
})

it.effect('refuses a second opening within one process without disturbing the first', () =>
  Effect.gen(function* () {
    const path = newPath()
    yield* withLog(path, () =>
      Effect.gen(function* () {
        for (const _time of [1, 2]) {
          expect((yield* Effect.flip(withLog(path, (log) => log.head))).message).toContain(`process ${process.pid} on`)
        }
      }),
    )
    expect(yield* withLog(path, (log) => log.head)).toBe(0)
  }),
)

const startAppending = (path: string, round: number): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL('./append-until-killed.ts', import.meta.url)), path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

const firstLine = (child: ChildProcess): Promise<unknown> => once(child.stdout!, 'data')

/** Kills the process a little after its n-th acknowledged batch and returns the positions that it printed. */
const killAfter = async (child: ChildProcess, batches: number, spins: number): Promise<readonly number[]> => {
  let text = ''
  let killed = false
  child.stdout!.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (killed || text.split('\n').length <= batches) return
    killed = true
    const kill = (left: number) => (left === 0 ? child.kill('SIGKILL') : setImmediate(() => kill(left - 1)))
    kill(spins * 20)
  })
  await once(child, 'close')
  expect(child.signalCode).toBe('SIGKILL')
  return text.slice(0, text.lastIndexOf('\n')).split('\n').map(Number)
}
