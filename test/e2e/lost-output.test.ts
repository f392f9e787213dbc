/**
 * Nobody takes what a box says any more: a collector of lines has ended, the disk that they go to is full. The box is there for others.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { configOf, type SignalboxProcess, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from './http-client.ts'

const LIMIT = 60_000
/** What the system has that is always full. */
const FULL = '/dev/full'

/** It serves, says on its way what it would have said, and stops in good order. */
const servesOn = (box: SignalboxProcess & { readonly port: number }) =>
  Effect.gen(function* () {
    for (let n = 0; n < 5; n++) {
      expect((yield* send(box.port, { body: callBody({ stream: true }) })).status).toBe(200)
      // Lines are written together; each of these is to meet the trouble.
      yield* Effect.sleep(100)
    }
    box.signal('SIGTERM')
    expect(yield* box.exited).toEqual({ code: 0, signal: null })
    expect((yield* box.events).at(-1)?.event._tag).toBe('BoxStopped')
  })

const started = (more: { readonly errorsTo?: string } = {}) =>
  Effect.gen(function* () {
    const { sim } = yield* startProviders({ sim: {} })
    const log = { level: 'debug', file: { path: 'box.log' } }
    return yield* startProcess({ config: { ...configOf(sim), log }, ...more })
  })

describe('a box', () => {
  it.live(
    'serves on, and says so in its log file, when whoever reads its output is gone',
    () =>
      Effect.gen(function* () {
        const box = yield* started()
        box.child.stdout?.destroy()
        box.child.stderr?.destroy()
        yield* servesOn(box)
        const lines = readFileSync(join(box.folder, 'box.log'), 'utf8').trim().split('\n')
        const said = lines.map((line) => JSON.parse(line) as { readonly message: string })
        expect(said.filter(({ message }) => message.includes('EPIPE'))).toHaveLength(1)
      }),
    LIMIT,
  )

  it.live.skipIf(!existsSync(FULL))(
    'serves on when the disk that its lines go to is full',
    () => Effect.flatMap(started({ errorsTo: FULL }), servesOn),
    LIMIT,
  )
})
