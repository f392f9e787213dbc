import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { type AnthropicStream, anthropicStream, type FrameKind, readFrame } from '#domain/dialect/anthropic-stream.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { loadCaptures } from '#test/captures.ts'

const read = (bytes: Uint8Array): { readonly kinds: readonly FrameKind[]; readonly stream: AnthropicStream } => {
  const stream = anthropicStream()
  const kinds: FrameKind[] = []
  cutFrames(frameCutter(), bytes, (frame) => kinds.push(readFrame(stream, frame)))
  return { kinds, stream }
}

const sample = (name: string) =>
  read(readFileSync(new URL(`../../fixtures/anthropic/stream.${name}.sse`, import.meta.url)))

const frame = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
const of = (...frames: readonly string[]) => read(Buffer.from(frames.join('')))

const q: FrameKind = 'quiet'
const p: FrameKind = 'prelude'
const c: FrameKind = 'content'
const usage = { inputTokens: 12, outputTokens: 9, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }

describe('the sample streams', () => {
  it('text', () => {
    const { kinds, stream } = sample('text')
    expect(kinds).toEqual([p, p, q, c, c, p, 'finish', 'stop'])
    expect(stream).toEqual({
      started: true,
      isCounted: true,
      hasBlock: true,
      contentFrames: 2,
      contentBytes: 236,
      model: 'claude-opus-5-5',
      stopReason: 'end_turn',
      usage,
      errorData: undefined,
      malformed: false,
    })
  })

  it('thinking and tools, with both lifetimes of cache writes', () => {
    const { kinds, stream } = sample('thinking_tools')
    expect(kinds).toEqual([p, q, p, c, c, c, p, p, c, p, p, c, c, c, p, p, c, p, 'finish', 'stop'])
    expect(stream.stopReason).toBe('tool_use')
    expect(stream.usage).toEqual({
      inputTokens: 42,
      outputTokens: 96,
      cacheReadTokens: 18_000,
      cacheWrite5mTokens: 1_000,
      cacheWrite1hTokens: 2_000,
    })
  })

  it('omitted and redacted thinking: the block that comes whole is content', () => {
    const { kinds, stream } = sample('thinking_omitted_redacted')
    expect(kinds).toEqual([p, p, c, c, p, c, p, p, c, p, 'finish', 'stop'])
    expect(stream.usage).toEqual(usage)
  })

  it('a refusal is an answer', () => {
    const { kinds, stream } = sample('refusal')
    expect(kinds).toEqual([p, p, c, p, 'finish', 'stop'])
    expect(stream.stopReason).toBe('refusal')
  })

  it('an empty answer is an answer', () => {
    const { kinds, stream } = sample('empty_end_turn')
    expect(kinds).toEqual([p, 'finish', 'stop'])
    expect(stream.usage).toEqual({ ...usage, outputTokens: 2 })
  })

  it('an error first', () => {
    const { kinds, stream } = sample('error_first')
    expect(kinds).toEqual(['error'])
    expect(stream.started).toBe(false)
    expect(JSON.parse(stream.errorData ?? '')).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    })
  })

  it('a stream that was cut off never finishes', () => {
    const { kinds, stream } = sample('truncated')
    expect(kinds).toEqual([p, p, c])
    expect(stream.stopReason).toBeNull()
    expect(stream.usage).toEqual({ ...usage, outputTokens: 1 })
  })
})

describe('the captured streams', () => {
  it('are read to their end, none malformed', () => {
    let complete = 0
    for (const { name, exchanges } of loadCaptures()) {
      for (const { n, response } of exchanges) {
        if (response === undefined || !response.body.includes('event: ')) continue
        const { kinds, stream } = read(response.body)
        expect([name, n, stream.malformed]).toEqual([name, n, false])
        if (kinds.at(-1) === 'stop') {
          complete++
          expect(kinds.filter((kind) => kind === 'stop')).toHaveLength(1)
          expect(stream.stopReason).not.toBeNull()
        } else expect(/^(conn-|sse-error-|time-pings)/.test(name)).toBe(true)
      }
    }
    expect(complete).toBeGreaterThan(30)
  })
})

describe('what a frame says', () => {
  it.each([
    ['ping', { type: 'ping' }, 'quiet'],
    ['something_new', { type: 'something_new' }, 'content'],
    ['content_block_stop', { index: 0 }, 'prelude'],
    ['message_delta', { delta: { stop_reason: null }, usage: {} }, 'content'],
    ['message_delta', { delta: { stop_reason: 'end_turn' } }, 'finish'],
  ] satisfies [string, unknown, FrameKind][])('%s %j', (event, data, kind) => {
    expect(of(frame(event, data)).kinds).toEqual([kind])
  })

  it('comments and data without an event name are quiet', () => {
    expect(of(': keep-alive\n\n', 'data: {"type":"message_start"}\n\n', '\n').kinds).toEqual([q, q, q])
  })

  it.each([
    [{ type: 'text', text: '' }, 'prelude'],
    [{ type: 'text', text: 'begun' }, 'content'],
    [{ type: 'thinking', thinking: '', signature: '' }, 'prelude'],
    [{ type: 'thinking', thinking: 'hm' }, 'content'],
    [{ type: 'tool_use', id: 'a', name: 'Read', input: {} }, 'prelude'],
    [{ type: 'tool_use', id: 'a', name: 'Read', input: { file_path: '/a' } }, 'content'],
    [{ type: 'server_tool_use', id: 'a', name: 'web_search', input: {} }, 'prelude'],
    [{ type: 'mcp_tool_use', id: 'a', name: 'x', input: {} }, 'prelude'],
    [{ type: 'redacted_thinking', data: 'x' }, 'content'],
    [{ type: 'web_search_tool_result', tool_use_id: 'a', content: [] }, 'content'],
    [{ type: 'a_block_of_next_year' }, 'content'],
  ] satisfies [object, FrameKind][])('a block that starts as %j', (block, kind) => {
    expect(of(frame('content_block_start', { index: 0, content_block: block })).kinds).toEqual([kind])
  })

  it('data that is not JSON marks the stream, whichever known event carries it', () => {
    for (const event of ['message_start', 'content_block_start', 'message_delta']) {
      expect(of(`event: ${event}\ndata: {"type":\n\n`).stream.malformed).toBe(true)
      expect(of(`event: ${event}\ndata: 7\n\n`).stream.malformed).toBe(true)
    }
    expect(of('event: ping\ndata: {\n\n', 'event: next_year\ndata: <\n\n').stream.malformed).toBe(false)
  })
})

describe('an answer that is none', () => {
  const start = frame('message_start', { type: 'message_start', message: {} })
  const block = frame('content_block_start', { type: 'content_block_start', index: 0, content_block: { type: 'text' } })
  const delta = (inner: object = { type: 'text_delta', text: 'a' }) =>
    frame('content_block_delta', { type: 'content_block_delta', index: 0, delta: inner })
  const text = (inner?: object) => block + delta(inner)

  it.each<readonly [string, string]>([
    ['begins twice', start + start],
    ['begins again in its middle', start + text() + start],
    ['begins without a message', frame('message_start', { type: 'message_start', message: null })],
    ['has content of no block', start + delta()],
    ['has first content that is no JSON', `${start}${block}event: content_block_delta\ndata: {"delta":\n\n`],
    ['has first content without a delta', start + block + frame('content_block_delta', { index: 0 })],
    ['has first content of another type', start + block + frame('content_block_delta', { type: 'ping', delta: {} })],
    ['has other content that is no JSON', `${start}${text()}event: content_block_delta\ndata: nope\n\n`],
    ['has other content that is cut off', start + text() + delta().replace('}}', '')],
    ['has other content of another type', start + text() + delta().replace('block_delta"', 'block_stop"')],
    ['has other content without a delta', start + text() + frame('content_block_delta', { index: 0 })],
    ['has an end that is no JSON', `${start}${text()}event: message_stop\ndata: nope\n\n`],
    ['has an end without data', `${start}${text()}event: message_stop\n\n`],
    ['has an end of another type', start + text() + frame('message_stop', { type: 'content_block_stop' })],
    ['has a beginning of another type', frame('message_start', { type: 'ping', message: {} })],
    ['has an end of a block of another type', start + text() + frame('content_block_stop', { type: 'message_stop' })],
    ['has a known event by another name', start + text() + frame('message', { type: 'message_stop' })],
    ['has a stop reason of another type', start + frame('message_delta', { type: 'ping', delta: {} })],
  ])('%s', (_, bytes) => {
    expect(of(bytes).stream.malformed).toBe(true)
  })

  it('is not one that says less than ours do, or what nobody knows yet', () => {
    const { stream } = of(
      frame('session_note', { type: 'session_note' }),
      frame('message_start', { message: {} }),
      frame('content_block_start', { index: 0, content_block: { type: 'hologram' } }),
      delta({ type: 'hologram_delta', points: [1] }),
      frame('content_block_delta', { index: 0, delta: {} }),
      `event:content_block_delta\r\ndata:{"delta": {}, "type": "content_block_delta"}\r\n\r\n`,
      frame('message_stop', {}),
    )
    expect(stream.malformed).toBe(false)
  })

  it('that goes on behind its stop reason is not counted to its end until the next', () => {
    const finish = frame('message_delta', { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: {} })
    expect(of(start, finish).stream.isCounted).toBe(true)
    expect(of(start, block, finish, delta()).stream.isCounted).toBe(false)
    expect(of(start, finish, frame('content_block_start', { index: 0 })).stream.isCounted).toBe(false)
    expect(of(start, block, finish, delta(), finish).stream.isCounted).toBe(true)
  })
})

describe('usage on the way', () => {
  const start = (message: object) => frame('message_start', { type: 'message_start', message })
  const delta = (more: object) => frame('message_delta', { delta: { stop_reason: 'end_turn' }, ...more })

  it('is cumulative: the last delta counts, none is added up', () => {
    const { stream } = of(
      start({ usage: { input_tokens: 5, output_tokens: 1 } }),
      frame('message_delta', { delta: {}, usage: { output_tokens: 50 } }),
      delta({ usage: { output_tokens: 70 } }),
    )
    expect(stream.usage).toMatchObject({ inputTokens: 5, outputTokens: 70 })
  })

  it('comes from either event alone', () => {
    expect(of(start({ usage: { input_tokens: 5, output_tokens: 1 } }), delta({})).stream.usage).toMatchObject({
      inputTokens: 5,
      outputTokens: 1,
    })
    expect(of(start({}), delta({ usage: { input_tokens: 6, output_tokens: 2 } })).stream.usage).toMatchObject({
      inputTokens: 6,
      outputTokens: 2,
    })
  })

  it('is unknown when nobody told', () => {
    expect(of(start({}), delta({})).stream.usage).toBeUndefined()
    expect(of(start({ usage: null }), delta({ usage: null })).stream.usage).toBeUndefined()
  })
})
