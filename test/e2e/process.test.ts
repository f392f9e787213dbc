/**
 * The command line as a process: how it stops, and why it does not start.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { answer, stall } from '#infra/simulator/script.ts'
import { configOf, type ProcessOptions, scratchFolder, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'
import { send } from './http-client.ts'

const LIMIT = 60_000
const streaming = { body: callBody({ stream: true }) }

describe('a stop', () => {
  it.live(
    'lets streams under way run out, closes the log and exits with 0',
    () =>
      Effect.gen(function* () {
        const slow = answer('word '.repeat(60), { pace: { eventsPerWrite: 1, betweenWritesMs: 40 } })
        const { sim } = yield* startProviders({ sim: { script: [{ times: 3, step: slow }] } })
        const box = yield* startProcess({ config: configOf(sim) })
        const calls = Effect.all([send(box.port, streaming), send(box.port, streaming), send(box.port, streaming)], {
          concurrency: 'unbounded',
        })
        const stopped = Effect.gen(function* () {
          yield* sim.until(({ number, bytesSent }) => number === 3 && bytesSent > 0)
          box.signal('SIGTERM')
          yield* box.printed(/stopping/)
          return yield* box.exited
        })
        const [answers, exit] = yield* Effect.all([calls, stopped], { concurrency: 'unbounded' })
        for (const one of answers) {
          expect(one.status).toBe(200)
          expect(one.ending).toBe('complete')
          expect(eventNames(one.body.toString()).at(-1)).toBe('message_stop')
        }
        expect(exit).toEqual({ code: 0, signal: null })
        const tags = (yield* box.events).map(({ event }) => event._tag)
        expect(tags.filter((tag) => tag === 'AttemptSucceeded')).toHaveLength(3)
        expect(tags.at(-1)).toBe('BoxStopped')
        const replayed = yield* box.command('replay', '--json')
        expect(JSON.parse(replayed.stdout)).toMatchObject({
          identical: true,
          events: tags.length,
          snapshotComparedAt: tags.length,
        })
        expect(replayed.code).toBe(0)
      }),
    LIMIT,
  )

  it.live(
    'that is asked for twice does not wait',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { script: [stall({ events: 6 })] } })
        const box = yield* startProcess({ config: configOf(sim) })
        const call = yield* Effect.forkChild(send(box.port, streaming))
        yield* sim.until(({ bytesSent }) => bytesSent > 0)
        // What is not yet durable would be lost with the process.
        yield* Effect.repeat(box.events, {
          until: (events) => events.some(({ event }) => event._tag === 'AttemptStarted'),
        })
        box.signal('SIGTERM')
        yield* box.printed(/stopping/)
        box.signal('SIGTERM')
        expect(yield* box.exited).toEqual({ code: 143, signal: null })
        expect((yield* Fiber.join(call)).ending).toBe('broken')
        // What it left behind is closed by the next start, and the log is sound.
        const next = yield* startProcess({ config: configOf(sim), folder: box.folder })
        const tags = (yield* next.events).map(({ event }) => event._tag)
        expect(tags.filter((tag) => tag === 'RequestAbandoned')).toHaveLength(1)
        expect(yield* next.replayDifference).toBeUndefined()
      }),
    LIMIT,
  )
})

describe('a start that cannot succeed says why in one message and', () => {
  const expectMessage = (options: ProcessOptions, code: number, message: RegExp) =>
    Effect.gen(function* () {
      const failed = yield* spawnSignalbox(options)
      const exit = yield* failed.exited
      expect(failed.stderr()).toMatch(message)
      expect(failed.stderr()).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
      expect(failed.stdout()).not.toContain('listens on')
      expect(exit).toEqual({ code, signal: null })
    })

  it.live(
    'exits with 1 when the port is in use',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const args = ['serve', '--port', String(sim.port)]
        yield* expectMessage({ config: configOf(sim), args }, 1, new RegExp(`Port ${sim.port} .* is in use.*--port`))
      }),
    LIMIT,
  )

  it.live(
    'exits with 1 when the configuration is wrong',
    () =>
      Effect.all([
        expectMessage(
          { config: 'providers:\n  a: { kind: anthropic, credential: none }\nrouting:\n  maxFallback: 2\n' },
          1,
          /signalbox\.yaml:4:3 routing\.maxFallback: .*did you mean maxFallbacks\?/,
        ),
        expectMessage({ config: 'providers: [\n' }, 1, /signalbox\.yaml:/),
        expectMessage(
          { config: 'providers: { a: { kind: anthropic, credential: none } }', args: ['serve', '--port', 'many'] },
          1,
          /--port/,
        ),
        expectMessage({ environment: { SIGNALBOX_CONFIG: 'nowhere.yaml' } }, 1, /nowhere\.yaml/),
      ]),
    LIMIT,
  )

  it.live(
    'exits with 1 when another process holds the log',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const holder = yield* startProcess({ config: configOf(sim) })
        const folder = holder.folder
        yield* expectMessage(
          { config: configOf(sim), folder },
          1,
          new RegExp(`process ${holder.child.pid} .*log\\.db.*stop it first`),
        )
        expect((yield* send(holder.port, streaming)).status).toBe(200)
      }),
    LIMIT,
  )

  it.live(
    'exits with 1 when the log is no log',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const config = configOf(sim)
        const folder = yield* scratchFolder
        writeFileSync(join(folder, 'log.db'), 'this is not a database, however long it may be '.repeat(100))
        yield* expectMessage({ config, folder }, 1, /not an event log/)
        mkdirSync(join(folder, 'a-folder'))
        const environment = { SIGNALBOX_DATABASE_URL: `sqlite:${join(folder, 'a-folder')}` }
        yield* expectMessage({ config, folder, environment }, 1, /event log/)
      }),
    LIMIT,
  )
})
