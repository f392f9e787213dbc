/**
 * Answers of a server of the chat dialect on their way to the listener, over real sockets: streams, whole answers, whole ones
 * asked for as streams, and everything that a server may do instead.
 */
import type { ServerResponse } from 'node:http'
import { beforeEach, describe, expect, it } from 'vitest'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { modelId } from '#domain/ids.ts'
import type { ChatProfile } from '#infra/upstream/profile.ts'
import { httpServer, listener, messages, upstreamAt, withoutProxies } from './loopback.ts'

beforeEach(withoutProxies)

const profile: ChatProfile = {
  dialect: 'openai',
  paths: { call: '/chat/completions', models: '/models' },
  headers: [],
  quirks: openAiQuirks,
  modelQuirks: [],
}

const body = (stream: boolean, more: object = {}) =>
  Buffer.from(
    JSON.stringify({
      model: 'claude-x',
      max_tokens: 100,
      stream,
      messages: [{ role: 'user', content: 'hi' }],
      ...more,
    }),
  )

const target = (stream: boolean) => ({
  asked: modelId('claude-x'),
  model: modelId('local'),
  stream,
  without: [],
  inputTokens: 42,
})

const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`

const completion = {
  id: 'c1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 7, completion_tokens: 2 },
}

/** What a listener hears of one call to a server that answers so. */
const heardOf = async (
  respond: (response: ServerResponse, asked: { readonly [member: string]: unknown }) => void,
  options: { readonly stream: boolean; readonly quirks?: Partial<ChatProfile['quirks']>; readonly more?: object },
) => {
  const server = await httpServer((_request, response) => {
    const asked = JSON.parse(server.seen.at(-1)?.body.toString() || '{}')
    respond(response, asked)
  })
  const waits: (() => void)[] = []
  const heard = listener()
  const upstream = upstreamAt(server.origin, {
    profile: { ...profile, quirks: { ...openAiQuirks, ...options.quirks } },
    after: (_ms, run) => {
      waits.push(run)
      return () => waits.splice(waits.indexOf(run), 1)
    },
  })
  upstream.open(messages({ body: body(options.stream, options.more), target: target(options.stream) }), heard)
  return { server, heard, waits, upstream }
}

const sse = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })
const json = (response: ServerResponse, status: number, value: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => JSON.parse(frame.slice(frame.indexOf('{'))) as { readonly type: string })

describe('a stream', () => {
  it('becomes Anthropic events, with the id of the server and what it was not told', async () => {
    const { heard } = await heardOf(
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'up-1' })
        response.end(
          `${chunk({ role: 'assistant', content: 'Hel' })}${chunk({ content: 'lo.' })}${chunk({}, 'stop')}data: [DONE]\n\n`,
        )
      },
      { stream: true, more: { container: 'c' } },
    )
    expect(await heard.over).toBe('end')
    const events = eventsOf(heard.body().toString())
    expect(events.map(({ type }) => type)).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    expect(events[0]).toMatchObject({ message: { model: 'claude-x', usage: { input_tokens: 42 } } })
    expect(heard.headerList()).toEqual([
      ['content-type', 'text/event-stream; charset=utf-8'],
      ['request-id', 'up-1'],
      ['x-signalbox-dropped', 'container'],
    ])
  })

  it('that has finished waits two seconds for its usage, not for ever', async () => {
    const { heard, waits } = await heardOf(
      (response) => sse(response).write(`${chunk({ content: 'Hello.' })}${chunk({}, 'stop')}`),
      { stream: true },
    )
    await heard.first('data')
    while (waits.length === 0) await new Promise(setImmediate)
    expect(heard.body().toString()).not.toContain('message_stop')
    waits[0]?.()
    expect(await heard.over).toBe('end')
    expect(heard.body().toString()).toContain('message_stop')
  })

  it('that is lost after it had finished is complete', async () => {
    const { heard } = await heardOf(
      (response) => {
        sse(response).write(`${chunk({ content: 'Hello.' })}${chunk({}, 'stop')}`)
        setTimeout(() => response.socket?.resetAndDestroy(), 20)
      },
      { stream: true },
    )
    expect(await heard.over).toBe('end')
    expect(heard.body().toString()).toContain('message_stop')
  })

  it.each([
    ['ends without a finish reason', chunk({ content: 'Hel' })],
    ['never begins', ''],
    ['is no event stream', '<html>oops</html>'],
    ['has a chunk that is no JSON', `${chunk({ content: 'Hel' })}data: {"choices\n\n`],
  ])('that %s is malformed, never a false end', async (_, text) => {
    const { heard } = await heardOf((response) => sse(response).end(text), { stream: true })
    expect(await heard.over).toMatchObject({ _tag: 'MalformedOutput' })
    expect(heard.body().toString()).not.toContain('message_stop')
  })

  it('whose last event lacks its blank line is read all the same', async () => {
    const { heard } = await heardOf(
      (response) => sse(response).end(`${chunk({ content: 'Hello.' })}${chunk({}, 'stop')}data: [DONE]`),
      { stream: true },
    )
    expect(await heard.over).toBe('end')
  })

  it('that fails before it began is an error of its own, with the words for the client', async () => {
    const { heard } = await heardOf(
      (response) => sse(response).end('data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n'),
      { stream: true },
    )
    expect(await heard.over).toMatchObject({ _tag: 'RateLimited' })
    expect(heard.answer()).toMatchObject({ status: 429 })
    expect(JSON.parse(Buffer.from(heard.answer()?.body ?? []).toString()).error.type).toBe('rate_limit_error')
  })

  it('that fails in the middle tells its error as an event', async () => {
    let fail: (() => void) | undefined
    const { heard } = await heardOf(
      (response) => {
        sse(response).write(chunk({ content: 'Hel' }))
        fail = () => response.end('data: {"error":{"message":"x","type":"server_error"}}\n\n')
      },
      { stream: true },
    )
    await heard.first('data')
    fail?.()
    await heard.over
    expect(eventsOf(heard.body().toString()).at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error' } })
  })

  it('that comes as one piece of JSON is told as a stream', async () => {
    const { heard } = await heardOf((response) => json(response, 200, completion), { stream: true })
    expect(await heard.over).toBe('end')
    expect(eventsOf(heard.body().toString()).at(-1)).toMatchObject({ type: 'message_stop' })
    expect(heard.body().toString()).toContain('"Hello."')
  })

  it('that is an error with status 200 is that error', async () => {
    const { heard } = await heardOf((response) => json(response, 200, { error: { message: 'busy', code: 503 } }), {
      stream: true,
    })
    expect(await heard.over).toMatchObject({ _tag: 'Overloaded' })
    expect(heard.answer()).toMatchObject({ status: 529 })
  })
})

describe('a whole answer', () => {
  it('becomes a message', async () => {
    const { heard, server } = await heardOf((response) => json(response, 200, completion), { stream: false })
    expect(await heard.over).toBe('end')
    const message = JSON.parse(heard.body().toString())
    expect(message).toMatchObject({
      type: 'message',
      model: 'claude-x',
      stop_reason: 'end_turn',
      usage: { input_tokens: 7 },
    })
    expect(JSON.parse(server.seen[0]?.body.toString() ?? '')).toMatchObject({ model: 'local', stream: false })
  })

  it.each([
    ['HTML', '<html>oops</html>'],
    ['an answer without a choice', '{"choices":[]}'],
    ['nothing', ''],
  ])('that is %s is malformed', async (_, text) => {
    const { heard } = await heardOf((response) => response.end(text), { stream: false })
    expect(await heard.over).toMatchObject({ _tag: 'MalformedOutput' })
  })

  it('is asked for as a stream where the server needs it so, and collected', async () => {
    const { heard, server } = await heardOf(
      (response) =>
        sse(response).end(
          `${chunk({ reasoning_content: 'Hm.' })}${chunk({ content: 'Hel' })}${chunk({ content: 'lo.' })}${chunk({}, 'stop')}data: [DONE]\n\n`,
        ),
      { stream: false, quirks: { streamAlways: true } },
    )
    expect(await heard.over).toBe('end')
    expect(JSON.parse(server.seen[0]?.body.toString() ?? '')).toMatchObject({ stream: true })
    expect(heard.headerList()).toEqual([['content-type', 'application/json']])
    const { content, stop_reason } = JSON.parse(heard.body().toString())
    expect(stop_reason).toBe('end_turn')
    expect(content.map((block: { [member: string]: string }) => block.thinking ?? block.text)).toEqual([
      'Hm.',
      'Hello.',
    ])
  })

  it('collected from a stream that fails in the middle is that failure', async () => {
    const { heard } = await heardOf(
      (response) => sse(response).end(`${chunk({ content: 'Hel' })}data: {"error":{"message":"x","code":503}}\n\n`),
      { stream: false, quirks: { streamAlways: true } },
    )
    expect(await heard.over).toMatchObject({ _tag: 'Overloaded' })
  })
})

describe('a refusal', () => {
  it('passes as it came, to be read with its status', async () => {
    const { heard, upstream } = await heardOf(
      (response) => json(response, 400, { error: { message: 'no', code: 'context_length_exceeded' } }),
      { stream: true },
    )
    expect(await heard.over).toBe('end')
    const answer = { status: heard.status() ?? 0, headers: heard.headerList(), body: heard.body() }
    expect(upstream.classify(answer, 0)?.reason).toEqual({ _tag: 'ContextTooLong', status: 400, limit: 'provider' })
  })

  it('of ours comes before anything is sent', async () => {
    const { heard, server } = await heardOf((response) => response.end(), {
      stream: true,
      more: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    })
    expect(await heard.over).toEqual({ _tag: 'FeatureRefused', features: [] })
    expect(heard.answer()).toMatchObject({ status: 400 })
    expect(server.seen).toEqual([])
  })
})
