/**
 * Every kind of upstream fails alike: what the client is told through Signalbox is what a provider of the Anthropic format
 * would have told it, and no answer that broke off looks like one that ended.
 */
import { afterEach, describe, expect, it, vi } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { type AnswerStep, drop, errorEvent, type Script, type Step } from '#infra/simulator/script.ts'
import { configured } from '#test/configured.ts'
import { startBox } from '#test/server.ts'
import { startProviders } from '#test/simulator.ts'
import { GATEWAY_KEY, type Kind } from './kind.ts'
import { KINDS } from './kinds.ts'
import { call, clients, environment, modelCalls, optionsFor, saying, setUp } from './kinds-clients.ts'

afterEach(() => void vi.unstubAllEnvs())

const LONG = 'A few simulated words that go on for a while. '.repeat(5)
const always = (step: Step): Script => [{ times: Number.POSITIVE_INFINITY, step }]
const midway = (step: AnswerStep): AnswerStep => ({
  ...step,
  blocks: [{ type: 'text', text: LONG }],
  // Each event in a write of its own: what came before the end has reached the client.
  pace: { eventsPerWrite: 1, betweenWritesMs: 3 },
})

/** What a client is told when nobody serves. */
interface Failure {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly retryAfter: string | null | undefined
}

/** Undefined when the call succeeded. */
const failureOf = (run: () => Promise<unknown>): Effect.Effect<Failure | undefined> =>
  Effect.promise(() =>
    run().then(
      () => undefined,
      (thrown: { status?: number; error?: { error?: { type?: string } }; headers?: Headers }) => ({
        status: thrown.status,
        type: thrown.error?.error?.type,
        retryAfter: thrown.headers?.get('retry-after'),
      }),
    ),
  )

type Mode = 'streamed' | 'whole'

const ways = Object.entries(clients).flatMap(([sdk, make]) =>
  (['streamed', 'whole'] as const satisfies readonly Mode[]).map((mode) => ({
    name: `${sdk}, ${mode}`,
    mode,
    run: (options: object) => () =>
      mode === 'streamed' ? make(options).messages.stream(call).finalMessage() : make(options).messages.create(call),
  })),
)

const failures = {
  'a rate limit': refusals.rateLimited({ retryAfterSeconds: 7 }),
  'an overload': refusals.overloaded(),
  'a key that is refused': refusals.badKey(),
  'a model that is not there': refusals.unknownModel('claude-opus-5-5'),
  'a prompt that is too long': refusals.promptTooLong(1_200_000, 1_000_000),
} as const

/** How a failure is told where that cannot be, or must not be, as the Anthropic format has it. */
const toldBy = (kind: Kind, failure: keyof typeof failures, mode: Mode, straight: Failure | undefined): object => {
  switch (failure) {
    case 'a rate limit':
      // Claude at Google is not told for how long; nor is who reads an error inside a 200, which has no headers.
      return kind === KINDS.vertex || (kind === KINDS.sloppy && mode === 'streamed')
        ? { ...straight, retryAfter: '1' }
        : { ...straight }
    case 'an overload':
      // OpenRouter's status is another, and passes as it is; what we word ourselves says when to come again.
      if (kind === KINDS.openRouter) return { ...straight, status: 503 }
      return kind.translated ? { ...straight, retryAfter: '1' } : { ...straight }
    case 'a key that is refused':
      // Of our own key the client hears no 401: it would blame its login.
      return kind.client === undefined ? { status: 502, type: 'api_error', retryAfter: null } : { ...straight }
    default:
      return { ...straight }
  }
}

describe.each(Object.values(KINDS))('failing through $name', (kind) => {
  it.live.each(Object.keys(failures) as (keyof typeof failures)[])(
    '%s is told as the Anthropic format has it',
    (name) =>
      Effect.gen(function* () {
        const script = always(failures[name])
        const { straight } = yield* startProviders({ straight: { script } })
        for (const { name: way, mode, run } of ways) {
          const { box } = yield* setUp(kind, script)
          const wanted = yield* failureOf(run({ baseURL: straight.url, apiKey: 'any' }))
          expect(wanted).toBeDefined()
          expect({ way, ...(yield* failureOf(run(optionsFor(kind, box.url)))) }).toEqual({
            way,
            ...toldBy(kind, name, mode, wanted),
          })
        }
      }),
  )

  it.live('the words about a prompt that is too long are those on which Claude Code compacts', () =>
    Effect.gen(function* () {
      const { box } = yield* setUp(kind, always(failures['a prompt that is too long']))
      const thrown = yield* Effect.promise(() =>
        clients['SDK 1.x'](optionsFor(kind, box.url))
          .messages.create(call)
          .catch((error: Error) => error.message),
      )
      expect(thrown).toContain('prompt is too long')
    }),
  )

  it.live('an error in the middle of an answer ends it as one', () =>
    Effect.gen(function* () {
      const script = always(midway(errorEvent(9, 'overloaded_error')))
      for (const { name, mode, run } of ways) {
        const { box } = yield* setUp(kind, script)
        const type = (mode === 'streamed' ? kind.streamError : undefined) ?? 'overloaded_error'
        const failure = yield* failureOf(run(optionsFor(kind, box.url)))
        expect({ name, type: failure?.type }).toEqual({ name, type })
      }
    }),
  )

  it.live.each(['fin', 'cleanEnd', 'reset'] as const)('an answer that stops (%s) is an error, never an end', (how) =>
    Effect.gen(function* () {
      // What the box does is the same for both clients.
      for (const { mode, name, run } of how === 'fin' ? ways : ways.slice(0, 2)) {
        const step = midway(drop(mode === 'streamed' ? { events: 9 } : { bytes: 40 }, how))
        const { box } = yield* setUp(kind, always(step))
        const failure = yield* failureOf(run(optionsFor(kind, box.url)))
        expect({ name, failed: failure !== undefined }).toEqual({ name, failed: true })
        const tags = (yield* box.events).map(({ event }) => event._tag)
        expect(tags).toContain('AttemptFailed')
        expect(tags).not.toContain('AttemptSucceeded')
      }
    }),
  )
})

describe('the small limit of GitHub Models', () => {
  const big = { ...call, messages: [{ role: 'user' as const, content: 'Many words. '.repeat(5_000) }] }

  const withLimit = (limits: object) =>
    Effect.gen(function* () {
      yield* environment
      const script = saying([{ type: 'text', text: 'Served.' }])
      const { small, large } = yield* startProviders({
        small: { script, wire: 'github-models', apiKeys: [GATEWAY_KEY] },
        large: { script },
      })
      const config = yield* configured({
        providers: {
          small: {
            kind: 'github-models',
            baseUrl: small.url,
            credential: { env: 'SIMULATED_KEY' },
            priority: 1,
            ...limits,
          },
          large: { kind: 'anthropic-compatible', baseUrl: large.url, priority: 2 },
        },
      })
      const box = yield* startBox({ config })
      const client = clients['SDK 1.x']({ baseURL: box.url, apiKey: 'any' })
      for (const body of [call, big]) yield* Effect.promise(() => client.messages.stream(body).finalMessage())
      const events = (yield* box.events).map(({ event }) => event)
      const servedBy = events.flatMap((event) => (event._tag === 'AttemptSucceeded' ? [event.provider] : []))
      return { servedBy, asked: modelCalls(small).map(({ status }) => status) }
    })

  it.live('is kept when it is said: a larger prompt goes elsewhere at once', () =>
    Effect.gen(function* () {
      const { servedBy, asked } = yield* withLimit({ limits: { maxInputTokens: 8_000 } })
      expect({ servedBy, asked }).toEqual({ servedBy: ['small', 'large'], asked: [200] })
    }),
  )

  it.live('is met when it is not: a larger prompt goes elsewhere after the refusal', () =>
    Effect.gen(function* () {
      const { servedBy, asked } = yield* withLimit({})
      expect({ servedBy, asked }).toEqual({ servedBy: ['small', 'large'], asked: [200, 413] })
    }),
  )
})
