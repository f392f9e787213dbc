/**
 * Streams whose structure is wrong, of every dialect, through a whole box: what the client sees, as the official SDK reads it, is an
 * answer that its provider ended, an error, a loss, or another provider's answer; never an end that was none.
 * More of them: `SIGNALBOX_TEST_STREAMS=20000`; others: `SIGNALBOX_TEST_SEED`.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import Anthropic from '@anthropic-ai/sdk'
import { beforeEach, describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { isTerminal } from '#domain/events.ts'
import { framesOf, type OddFrame, type OddStream, oddStream, UNKNOWN } from '#test/odd-streams.ts'
import { patient, startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { dice } from '../fuzz/dice.ts'
import { place } from '../infra/config/place.ts'
import { tcpServer, withoutProxies } from '../infra/upstream/loopback.ts'
import { unsound } from './fault-bed.ts'
import { type Answer, header, send } from './http-client.ts'

const CASES = Number(process.env.SIGNALBOX_TEST_STREAMS ?? 150)
/** A test reads so much of a log at once. */
const CASES_PER_BOX = 1_000
const FIRST = Number(process.env.SIGNALBOX_TEST_SEED ?? 1)
const FIXTURES = new URL('../fixtures/', import.meta.url)

beforeEach(() => withoutProxies())

const fixtures = (...names: readonly string[]): readonly (readonly OddFrame[])[] =>
  names.map((name) => framesOf(readFileSync(new URL(`${name}.sse`, FIXTURES), 'utf8')))

const DIALECTS = {
  anthropic: {
    provider: 'kind: anthropic-compatible',
    path: '',
    streams: fixtures(
      ...['text', 'thinking_tools', 'thinking_omitted_redacted', 'empty_end_turn', 'refusal', 'error_first'].map(
        (name) => `anthropic/stream.${name}`,
      ),
      ...['vertex/stream.text', 'openrouter/messages.stream.text', 'openrouter/messages.stream.error_midway'],
    ),
  },
  chat: {
    provider: 'kind: openai-compatible',
    path: '/v1',
    streams: fixtures(
      ...['text', 'parallel_tools', 'reasoning_content_deepseek', 'ollama_toolcall_stop'].map(
        (name) => `openai/stream.${name}`,
      ),
      'openrouter/chat.stream.text_reasoning',
    ),
  },
} as const

/** Answers each request with the stream of the number in its text. */
const providerOf = (streamOf: (n: number) => OddStream) =>
  tcpServer((socket) => {
    let asked = ''
    socket.on('data', (bytes) => {
      asked += bytes.toString('latin1')
      const n = /case (\d+)\./.exec(asked)?.[1]
      const length = Number(/content-length: (\d+)/i.exec(asked)?.[1])
      if (n === undefined || asked.length < asked.indexOf('\r\n\r\n') + 4 + length) return
      asked = ''
      say(socket, streamOf(Number(n)))
    })
  })

const say = (socket: Socket, { bytes, end }: OddStream): void => {
  socket.cork()
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
  for (let at = 0; at < bytes.length; at += 700) {
    const piece = bytes.subarray(at, at + 700)
    socket.write(`${piece.length.toString(16)}\r\n`)
    socket.write(piece)
    socket.write('\r\n')
  }
  if (end === 'clean') socket.write('0\r\n\r\n')
  socket.uncork()
  if (end === 'open') socket.end()
  // What was written goes out first.
  if (end === 'reset') setImmediate(() => socket.resetAndDestroy())
}

const oddBox = (dialect: keyof typeof DIALECTS, streamOf: (n: number) => OddStream) =>
  Effect.gen(function* () {
    const odd = yield* Effect.promise(() => providerOf(streamOf))
    const { honest } = yield* startProviders({ honest: { keepRequests: 1 } })
    const { provider, path } = DIALECTS[dialect]
    const breaker = `breaker: { consecutiveFailures: 1000000, consecutiveConnectFailures: 1000000, minimumOutcomes: 1000000 }`
    const here = place({
      'signalbox.yaml': [
        'routing: { strategy: priority }',
        'providers:',
        `  odd: { ${provider}, baseUrl: '${odd.origin}${path}', credential: none, priority: 1, ${breaker}, models: { '*': m } }`,
        `  honest: { kind: anthropic-compatible, baseUrl: '${honest.url}', priority: 2 }`,
      ].join('\n'),
    })
    return yield* startBox({ config: here.good(), retryBudget: patient.retryBudget })
  })

const ask = (port: number, n: number): Effect.Effect<Answer | undefined> =>
  send(port, {
    body: callBody({
      stream: true,
      messages: [{ role: 'user', content: `case ${n}.` }],
      tools: ['Read', 'Glob'].map((name) => ({ name, input_schema: { type: 'object' } })),
    }),
    // A reset may overtake what was written before it: then there is nothing to judge.
  }).pipe(Effect.catchDefect(() => Effect.succeed(undefined)))

/** What the official SDK makes of it: the types of the events that it reads, and whether it takes them for a whole answer. */
const asTheSdk = async (got: Answer): Promise<{ readonly types: readonly string[]; readonly isWhole: boolean }> => {
  const fetch = async (): Promise<Response> =>
    new Response(new Uint8Array(got.body), { headers: { 'content-type': 'text/event-stream' } })
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, logLevel: 'off', fetch })
  const call = { model: 'm', max_tokens: 1, messages: [{ role: 'user' as const, content: 'x' }] }
  const types: string[] = []
  try {
    for await (const { type } of await client.messages.create({ ...call, stream: true })) types.push(type ?? UNTYPED)
  } catch {
    // An error event, or data that is no JSON: what came before it has been read.
    types.push('error')
  }
  const isWhole = await client.messages
    .stream(call)
    .finalMessage()
    .then(
      () => true,
      () => false,
    )
  return { types, isWhole }
}

/** Some servers leave the type out of the data; the name of the event says it. */
const UNTYPED = 'untyped'
const MADE_UP_END = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'

/** What is wrong in an answer, and in what the log says of it. Empty when a client may see it. */
const wrong = async (
  got: Answer,
  { bytes }: OddStream,
  dialect: keyof typeof DIALECTS,
  end: string | undefined,
): Promise<readonly string[]> => {
  const { types, isWhole } = await asTheSdk(got)
  const text = got.body.toString()
  const sent = bytes.toString()
  const isComplete = got.ending === 'complete'
  const isHonest = header(got, 'x-signalbox-provider') === 'honest'
  const isError = types.at(-1) === 'error'
  const complaints: readonly (readonly [boolean, string])[] = [
    [
      isComplete && !isError && !['message_stop', UNTYPED].includes(types.at(-1) ?? ''),
      'a clean end without the last event',
    ],
    [types.slice(0, -1).includes('message_stop'), 'something behind the end'],
    [types.filter((type) => type === 'message_start').length > 1, 'two beginnings'],
    [isHonest && !isWhole, 'the other provider is not understood'],
    [dialect === 'chat' && isComplete && !isError && types[0] !== 'message_start', 'a translation without a beginning'],
    [
      dialect === 'anthropic' && !isHonest && !sent.startsWith(text) && !isCompleted(text, sent),
      'other bytes than the provider’s',
    ],
    [(end === 'AttemptSucceeded') !== (isComplete && !isError), `the log says ${end}`],
  ]
  return complaints.flatMap(([is, what]) => (is ? [what] : []))
}

/** The last event alone was lost: a stop reason came, and no content after it. */
const isCompleted = (text: string, sent: string): boolean => {
  const said = text.slice(0, -MADE_UP_END.length)
  const content = Math.max(said.lastIndexOf('content_block_start'), said.lastIndexOf('content_block_delta'))
  return text.endsWith(MADE_UP_END) && sent.startsWith(said) && said.lastIndexOf('message_delta') > content
}

/** What a box answers to these, and how its log says that each ended. */
const asked = (dialect: keyof typeof DIALECTS, streamOf: (n: number) => OddStream, numbers: readonly number[]) =>
  Effect.gen(function* () {
    const box = yield* oddBox(dialect, streamOf)
    const answers = yield* Effect.forEach(numbers, (n) => ask(box.port, n), { concurrency: 8 })
    expect(yield* unsound(box)).toEqual([])
    const ends = new Map<string, string>(
      (yield* box.events).flatMap(({ correlation, event }) =>
        isTerminal(event) ? [[String(correlation), event._tag] as const] : [],
      ),
    )
    return { answers, ends }
  })

describe('a stream that is wrong in its structure', () => {
  it.live.each(['anthropic', 'chat'] as const)(
    `never shows an end that was none, and is logged once: %s, ${CASES} times`,
    (dialect) =>
      Effect.gen(function* () {
        const { streams } = DIALECTS[dialect]
        const streamOf = (n: number): OddStream => {
          const draws = dice(FIRST + n)
          return oddStream(draws, draws.pick(streams), streams)
        }
        const served = { odd: 0, honest: 0, broken: 0 }
        for (let from = 0; from < CASES; from += CASES_PER_BOX) {
          const numbers = Array.from({ length: Math.min(CASES_PER_BOX, CASES - from) }, (_, n) => from + n)
          const { answers, ends } = yield* Effect.scoped(asked(dialect, streamOf, numbers))
          for (const [n, got] of answers.entries()) {
            if (got === undefined) continue
            if (got.ending === 'broken') served.broken++
            else if (header(got, 'x-signalbox-provider') === 'honest') served.honest++
            else served.odd++
            const odd = streamOf(from + n)
            const end = ends.get(header(got, 'x-signalbox-request-id') ?? '')
            const complaints = yield* Effect.promise(() => wrong(got, odd, dialect, end))
            const again = `SIGNALBOX_TEST_SEED=${FIRST + from + n} SIGNALBOX_TEST_STREAMS=1`
            expect(complaints, `${again}: ${odd.how.join(', ')}`).toEqual([])
          }
        }
        if (CASES >= 100) expect(Math.min(served.odd, served.honest)).toBeGreaterThan(CASES / 20)
      }),
    600_000,
  )

  it.live('passes unchanged when it has what nobody knows yet', () =>
    Effect.gen(function* () {
      const [text = []] = DIALECTS.anthropic.streams
      const places = UNKNOWN.flatMap((frame) => text.slice(2).map((_, at) => text.toSpliced(at + 2, 0, frame)))
      const streams = places.map((frames) =>
        frames.map(({ event, data }) => `event: ${event}\ndata: ${data}\n\n`).join(''),
      )
      const box = yield* oddBox('anthropic', (n) => ({ bytes: Buffer.from(streams[n] ?? ''), end: 'clean', how: [] }))
      for (const [n, stream] of streams.entries()) {
        const got = yield* ask(box.port, n)
        expect([got?.ending, got?.body.toString()]).toEqual(['complete', stream])
      }
      expect((yield* box.events).filter(({ event }) => event._tag === 'AttemptFailed')).toEqual([])
    }),
  )
})
