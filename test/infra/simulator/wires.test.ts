import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, drop, errorEvent, raw, refuseConnections, stall } from '#infra/simulator/script.ts'
import type { SimulatorOptions } from '#infra/simulator/simulator.ts'
import { severalTools, subAgent } from '#infra/simulator/stories.ts'
import type { World } from '#infra/simulator/world.ts'
import { bodyOf, dataOf, rawCall, startProviders } from '#test/simulator.ts'
import { type CallKind, callKinds, callOn, wireCalls } from '#test/wire-calls.ts'

const start = (kind: CallKind, more: Partial<SimulatorOptions> = {}) =>
  startProviders({ sim: { wire: wireCalls[kind].wire, ...more } }).pipe(Effect.map(({ sim }) => sim))

/** All text that a stream's events hold, whatever their shape. */
const textOf = (stream: string): string =>
  [...stream.matchAll(/"(?:text|content)":"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => JSON.parse(`"${text}"`)).join('')

describe.each(callKinds)('a provider on the wire %s', (kind) => {
  it.live('says what the script says, streamed or not', () =>
    Effect.gen(function* () {
      const words = answer('Grüße from a script, longer than one delta.')
      const sim = yield* start(kind, { script: [words, words] })
      expect((yield* callOn(sim, kind)).text).toContain('Grüße from a script, longer than one delta.')
      const streamed = yield* callOn(sim, kind, { stream: true })
      expect(streamed.headers.get('content-type')).toMatch(/^text\/event-stream/)
      expect(textOf(streamed.text)).toContain('Grüße from a script, longer than one delta.')
    }),
  )

  it.live('answers a scripted status and scripted bytes as they are', () =>
    Effect.gen(function* () {
      const sim = yield* start(kind, {
        script: [
          { _tag: 'Status', status: 418, headers: { 'x-odd': '1' }, body: { error: { message: 'teapot' } } },
          raw('data: odd\n\n', { pace: { bytesPerWrite: 3 } }),
        ],
      })
      const status = yield* callOn(sim, kind)
      expect(status.status).toBe(418)
      expect(status.headers.get('x-odd')).toBe('1')
      expect(status.json).toMatchObject({ error: { message: 'teapot' } })
      expect((yield* callOn(sim, kind)).text).toBe('data: odd\n\n')
    }),
  )

  it.live('puts a ready refusal into its own words, and keeps what a script has changed', () =>
    Effect.gen(function* () {
      const busy = { ...refusals.overloaded(), headers: { 'x-from-script': '1' } }
      const sim = yield* start(kind, { script: [busy, refusals.promptTooLong(2_000, 1_000)] })
      const refused = yield* callOn(sim, kind)
      expect(refused.status).toBe(kind === 'anthropic' || kind === 'vertex' ? 529 : 503)
      expect(refused.headers.get('x-from-script')).toBe('1')
      const long = yield* callOn(sim, kind)
      expect(long.status).toBe(kind === 'github-models' ? 413 : 400)
      expect(long.text).toContain('1000')
    }),
  )

  it.live('breaks a stream off with an error of its own, and answers its status without a stream', () =>
    Effect.gen(function* () {
      const broken = errorEvent(2, 'overloaded_error', 'Scripted words')
      const sim = yield* start(kind, { script: [broken, broken] })
      const streamed = yield* callOn(sim, kind, { stream: true })
      expect(streamed.status).toBe(200)
      expect(dataOf(streamed.text).at(-1)).toMatchObject({ error: { message: 'Scripted words' } })
      expect(streamed.text).not.toMatch(/\[DONE\]|message_stop/)
      const whole = yield* callOn(sim, kind)
      expect(whole.status).toBeGreaterThanOrEqual(500)
      expect(whole.json).toMatchObject({ error: { message: 'Scripted words' } })
    }),
  )

  it.live('drops, stalls with keep-alives, and refuses connections', () =>
    Effect.gen(function* () {
      const sim = yield* start(kind, {
        script: [drop({ events: 2 }), stall({ events: 2 }, { forMs: 30, pingEveryMs: 10 }), refuseConnections(1)],
      })
      const { path, headers, body } = wireCalls[kind]
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
      const conversation = body({ stream: true, texts: ['hi'], tools: true })
      const socket = Effect.promise(() => rawCall(sim.port, conversation, lines, path(true)))
      const dropped = yield* socket
      expect(dropped.how).toBe('reset')
      expect(
        bodyOf(dropped.text)
          .split('\n\n')
          .filter((event) => event !== ''),
      ).toHaveLength(2)
      const stalled = bodyOf((yield* socket).text)
      expect(stalled.match(/^(: .*|event: ping)$/gm)?.length).toBeGreaterThanOrEqual(2)
      expect(stalled).toMatch(/\[DONE\]|message_stop/)
      expect((yield* socket).text).toBe('')
    }),
  )

  it.live('tells a story by the turns in the request', () =>
    Effect.gen(function* () {
      const sim = yield* start(kind, { story: severalTools({ cwd: '/w' }) })
      expect((yield* callOn(sim, kind)).text).toContain("Simulated by 'sim': I write two files.")
      expect((yield* callOn(sim, kind, { texts: ['go', 'did', 'on'] })).text).toContain('I look at both at once.')
      expect((yield* callOn(sim, kind, { texts: ['go', 'a', 'b', 'c', 'd'] })).text).toMatch(/"name":\s?"Edit"/)
      expect((yield* callOn(sim, kind, { tools: false })).text).toContain('no model has read your')
    }),
  )

  it.live('knows a sub-agent by its task, without any header', () =>
    Effect.gen(function* () {
      const sim = yield* start(kind, { story: subAgent() })
      expect((yield* callOn(sim, kind, { texts: ['Please delegate.'] })).text).toMatch(/"name":\s?"Agent"/)
      const task = '<system-reminder>x</system-reminder> Count the files in this folder.'
      expect((yield* callOn(sim, kind, { texts: [task] })).text).toContain('ls | wc -l')
      expect((yield* callOn(sim, kind, { texts: [task, 'did', 'result'] })).text).toContain('The sub-agent counted.')
    }),
  )

  it.live('lives in a world', () =>
    Effect.gen(function* () {
      const none = { rateLimitedShare: 0, overloadedShare: 0, serverErrorShare: 0, droppedShare: 0 }
      const quick = { median: 1, sigma: 0 }
      const world: World = {
        firstTokenMs: quick,
        tokensPerSecond: { median: 100_000, sigma: 0 },
        answerTokens: { median: 60, sigma: 0 },
        failures: { ...none, serverErrorShare: 1 },
      }
      const sim = yield* start(kind, { world })
      expect((yield* callOn(sim, kind)).status).toBe(500)
      sim.live({ ...world, failures: none })
      expect((yield* callOn(sim, kind)).text).toContain('takes the time')
    }),
  )

  it.live('refuses a prompt that is too long', () =>
    Effect.gen(function* () {
      const sim = yield* start(kind, { maxInputTokens: 100 })
      const refused = yield* callOn(sim, kind, { texts: ['x'.repeat(800)] })
      expect(refused.status).toBe(kind === 'github-models' ? 413 : 400)
      expect((yield* callOn(sim, kind)).status).toBe(200)
    }),
  )
})
