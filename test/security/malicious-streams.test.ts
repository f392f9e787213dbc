/**
 * What a provider that means ill may put into an answer, so that it costs the box or deceives the client: crumbs, bombs, floods,
 * ends that are none, and what comes behind them.
 */
import type { ServerResponse } from 'node:http'
import { beforeEach, describe, expect, it, vi } from '@effect/vitest'
import { Effect } from 'effect'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { type Answer, header, send } from '../e2e/http-client.ts'
import { place } from '../infra/config/place.ts'
import { httpServer, withoutProxies } from '../infra/upstream/loopback.ts'

const KEY = 'sk-canary-of-the-box-8a61f0'

beforeEach(() => {
  withoutProxies()
  vi.stubEnv('EVIL_KEY', KEY)
})

const event = (type: string, data: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
const START = event('message_start', {
  message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], usage: {} },
})
const TEXT = [
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'hello' } }),
  event('content_block_stop', { index: 0 }),
].join('')
const FINISH = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } })
const STOP = event('message_stop')
const WHOLE = START + TEXT + FINISH + STOP
const MESSAGE = {
  ...{ type: 'message', id: 'msg_1', role: 'assistant', model: 'claude-opus-5-5' },
  ...{
    content: [{ type: 'text', text: 'hello' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 1, output_tokens: 1 },
  },
}

const STREAM = { 'content-type': 'text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }

type Dialect = 'anthropic' | 'foreign' | 'chat'

const KINDS: { readonly [D in Dialect]: string } = {
  anthropic: 'kind: anthropic-compatible',
  // Its thinking is marked on the way.
  foreign: 'kind: anthropic-compatible, preset: deepseek',
  chat: 'kind: openai-compatible',
}

/** A box whose first provider answers like this, and whose second is honest. */
const boxBehind = (answer: (response: ServerResponse) => void, dialect: Dialect = 'anthropic') =>
  Effect.gen(function* () {
    const evil = yield* Effect.promise(() => httpServer((_request, response) => answer(response)))
    const { honest } = yield* startProviders({ honest: {} })
    const at = `baseUrl: '${evil.origin}${dialect === 'chat' ? '/v1' : ''}', credential: { env: EVIL_KEY }`
    const here = place({
      'signalbox.yaml': [
        'routing: { strategy: priority }',
        'providers:',
        `  evil: { ${KINDS[dialect]}, ${at}, priority: 1, models: { '*': m } }`,
        `  honest: { kind: anthropic-compatible, baseUrl: '${honest.url}', priority: 2 }`,
      ].join('\n'),
    })
    return { box: yield* startBox({ config: here.good() }), honest }
  })

const ask = (port: number, body: object = {}): Effect.Effect<Answer> => send(port, { body: callBody(body) })

const failureOf = (events: readonly RecordedEvent[]) =>
  events.flatMap(({ event: told }) => (told._tag === 'AttemptFailed' ? [told.reason] : []))

/** Writes as long as anybody reads. */
const pour = (response: ServerResponse, piece: string | Buffer): void => {
  const more = (): void => {
    while (!response.destroyed && response.write(piece)) {}
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

describe('what a provider sends behind the end of its answer', () => {
  it.live.each<readonly [string, string]>([
    ['a second answer', WHOLE],
    ['more of it', TEXT],
    ['an error', event('error', { error: { type: 'overloaded_error', message: 'x' } })],
    ['a second end', STOP],
  ])('is not told: %s', ([, behind]) =>
    Effect.gen(function* () {
      for (const inOne of [true, false]) {
        const { box } = yield* boxBehind((response) => {
          response.writeHead(200, STREAM)
          if (inOne) response.end(`${WHOLE}: quiet\n\n${behind}`)
          else {
            response.write(WHOLE)
            setTimeout(() => response.end(`: quiet\n\n${behind}`), 20)
          }
        })
        const answer = yield* ask(box.port, { stream: true })
        expect([answer.ending, answer.body.toString()]).toEqual(['complete', `${WHOLE}: quiet\n\n`])
        expect(failureOf(yield* box.events)).toEqual([])
      }
    }),
  )

  it.live.each<readonly [string, string]>([
    ['comments', `: ${'x'.repeat(10_000)}\n\n`],
    ['an event without end', 'x'.repeat(100_000)],
  ])('is cut off when there is much of it: %s', ([, piece]) =>
    Effect.gen(function* () {
      const { box } = yield* boxBehind((response) => {
        response.writeHead(200, STREAM).write(WHOLE)
        pour(response, piece)
      })
      const answer = yield* ask(box.port, { stream: true })
      expect(answer.ending).toBe('complete')
      expect(answer.body.toString().startsWith(WHOLE)).toBe(true)
      expect(answer.body.length).toBeLessThan(WHOLE.length + 70_000)
    }),
  )
})

describe('an answer that is none', () => {
  const chunk = (text: string): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`
  const calls = (fragment: object, times: number): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [fragment] } }] })}\n\n`.repeat(times)
  const spaces = Buffer.alloc(1024 * 1024, 0x20)

  it.live.each<readonly [string, Dialect, boolean, (response: ServerResponse) => void]>([
    ['an end alone', 'anthropic', true, (to) => void to.writeHead(200, STREAM).end(STOP)],
    ['the middle of one', 'anthropic', true, (to) => void to.writeHead(200, STREAM).end(TEXT + FINISH + STOP)],
    [
      'one that says it is encoded',
      'anthropic',
      true,
      (to) => void to.writeHead(200, { ...STREAM, 'content-encoding': 'gzip' }).end(WHOLE),
    ],
    ['lists in lists', 'anthropic', false, (to) => void to.writeHead(200, JSON_TYPE).end('['.repeat(2_000_000))],
    [
      'a million lists',
      'anthropic',
      false,
      (to) => void to.writeHead(200, JSON_TYPE).end(JSON.stringify({ ...MESSAGE, content: Array(500_000).fill([]) })),
    ],
    // What is larger than a megabyte is not held back.
    [
      'lists in lists, in an event',
      'anthropic',
      true,
      (to) => {
        const deep = '['.repeat(510_000) + ']'.repeat(510_000)
        to.writeHead(200, STREAM).end(START.replace('"content":[]', `"content":${deep}`) + TEXT + FINISH + STOP)
      },
    ],
    [
      'one whose depth cannot be written again',
      'chat',
      false,
      (to) => {
        const deep = '['.repeat(100_000) + ']'.repeat(100_000)
        const call = `{"id":"a","function":{"name":"t","arguments":${deep}}}`
        to.writeHead(200, JSON_TYPE).end(
          `{"choices":[{"message":{"tool_calls":[${call}]},"finish_reason":"tool_calls"}]}`,
        )
      },
    ],
    ['one that is not streamed, without end', 'chat', true, (to) => pour(to.writeHead(200, JSON_TYPE), spaces)],
    ['one without end, whose thinking is marked', 'foreign', false, (to) => pour(to.writeHead(200, JSON_TYPE), spaces)],
    [
      'three thousand calls',
      'chat',
      true,
      (to) =>
        void to
          .writeHead(200, STREAM)
          .end(
            `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: Array.from({ length: 3_000 }, (_, index) => ({ index })) } }] })}\n\n`,
          ),
    ],
  ])('is left for another: %s', ([, dialect, stream, answer]) =>
    Effect.gen(function* () {
      const { box } = yield* boxBehind(answer, dialect)
      const got = yield* ask(box.port, { stream })
      expect([got.status, header(got, 'x-signalbox-provider')]).toEqual([200, 'honest'])
      expect(failureOf(yield* box.events)).toMatchObject([{ _tag: 'MalformedOutput' }])
    }),
  )

  it.live('holds nobody up, however its calls are cut', () =>
    Effect.gen(function* () {
      const begin = calls({ index: 0, id: 'a', function: { name: 't', arguments: `{"a":"${'x'.repeat(500_000)}` } }, 1)
      const { box } = yield* boxBehind((response) => {
        response.writeHead(200, STREAM).write(`${begin}${chunk('waits')}`)
        response.end(calls({ index: 0, function: { name: 't', arguments: 'x}' } }, 4_000))
      }, 'chat')
      const before = performance.now()
      const got = yield* ask(box.port, { stream: true, tools: [{ name: 't', input_schema: { type: 'object' } }] })
      expect(got.ending).toBe('broken')
      // To parse the half megabyte at each of them takes ten.
      expect(performance.now() - before).toBeLessThan(5_000)
    }),
  )
})

describe('a provider that repeats its credential', () => {
  const message = `Incorrect API key: ${KEY}`
  const error = event('error', { error: { type: 'authentication_error', message } })
  const chatError = `data: ${JSON.stringify({ error: { code: 401, message } })}\n\n`
  const chat = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'hello' } }] })}\n\n`

  it.live.each<readonly [string, Dialect, boolean, readonly string[]]>([
    ['at the beginning of a stream', 'anthropic', true, [error]],
    ['in its middle', 'anthropic', true, [START, TEXT, error]],
    [
      'in pieces',
      'anthropic',
      true,
      [`${START}${TEXT}eve`, error.slice(3, error.indexOf(KEY) + 5), error.slice(error.indexOf(KEY) + 5)],
    ],
    ['in a whole answer', 'anthropic', false, [error.slice(error.indexOf('{'))]],
    ['at the beginning of a chat stream', 'chat', true, [chatError]],
    ['in the middle of a chat stream', 'chat', true, [chat, chatError]],
    ['in a whole chat answer', 'chat', false, [chatError.slice('data: '.length)]],
  ])('in an error with status 200 tells the client nothing: %s', ([, dialect, stream, pieces]) =>
    Effect.gen(function* () {
      const { box, honest } = yield* boxBehind((response) => {
        response.writeHead(200, stream ? STREAM : JSON_TYPE)
        pieces.forEach((piece, n) => void setTimeout(() => response.write(piece), 15 * n))
        setTimeout(() => response.end(), 15 * pieces.length)
      }, dialect)
      // Nobody else, so that the client hears of it.
      yield* honest.close
      const answer = yield* ask(box.port, { stream })
      expect(`${JSON.stringify(answer.headers)}${answer.body}`).not.toContain('canary-of-the-box')
      expect(JSON.stringify(yield* box.events)).not.toContain('canary-of-the-box')
    }),
  )
})

describe('names that a provider makes up', () => {
  it.live('do not fill the log', () =>
    Effect.gen(function* () {
      const long = 'x'.repeat(100_000)
      const start = START.replace('claude-opus-5-5', long)
      const { box } = yield* boxBehind((response) => {
        const id = { 'request-id': 'i'.repeat(10_000) }
        response.writeHead(200, { ...STREAM, ...id }).end(start + TEXT + FINISH.replace('end_turn', long) + STOP)
      })
      const answer = yield* ask(box.port, { stream: true })
      expect(answer.body.toString()).toContain(long)
      expect(JSON.stringify(yield* box.events).length).toBeLessThan(20_000)
    }),
  )
})
