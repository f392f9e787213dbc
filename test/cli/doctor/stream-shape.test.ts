import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfStream, lookAt, type StreamShape, streamShape } from '#cli/doctor/stream-shape.ts'

interface Event {
  readonly name: string
  readonly data: object
}

const message: readonly Event[] = [
  { name: 'message_start', data: { message: { id: 'msg_1' } } },
  { name: 'content_block_start', data: { index: 0, content_block: { type: 'text', text: '' } } },
  { name: 'ping', data: {} },
  { name: 'content_block_delta', data: { index: 0, delta: { type: 'text_delta', text: 'So.' } } },
  { name: 'content_block_stop', data: { index: 0 } },
  { name: 'content_block_start', data: { index: 1, content_block: { type: 'tool_use', name: 'note', input: {} } } },
  { name: 'content_block_delta', data: { index: 1, delta: { type: 'input_json_delta', partial_json: '{"word":' } } },
  { name: 'content_block_delta', data: { index: 1, delta: { type: 'input_json_delta', partial_json: '"x"}' } } },
  { name: 'content_block_stop', data: { index: 1 } },
  { name: 'message_delta', data: { delta: { stop_reason: 'tool_use' } } },
  { name: 'message_stop', data: {} },
]

const frameOf = ({ name, data }: Event): Uint8Array =>
  new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`)

const looked = (frames: readonly Uint8Array[]): StreamShape => {
  const shape = streamShape()
  for (const frame of frames) lookAt(shape, frame)
  endOfStream(shape)
  return shape
}

describe('the shape of a stream', () => {
  it('is good from message_start to message_stop, and tells the tool calls', () => {
    const { problems, toolCalls } = looked(message.map(frameOf))
    expect(problems).toEqual([])
    expect(toolCalls).toEqual(['note'])
  })

  it('is bad when any event is missing but a ping, or a text delta', () => {
    fc.assert(
      fc.property(fc.nat(message.length - 1), (lost) => {
        const { problems } = looked(message.filter((_, at) => at !== lost).map(frameOf))
        expect(problems.length > 0).toBe(lost !== 2 && lost !== 3)
      }),
    )
  })

  it('is bad when two neighbours are swapped, save for pings', () => {
    fc.assert(
      fc.property(fc.nat(message.length - 2), (at) => {
        const swapped = message.toSpliced(at, 2, ...message.slice(at, at + 2).toReversed())
        const isPing = [at, at + 1].some((one) => message[one]?.name === 'ping')
        expect(looked(swapped.map(frameOf)).problems.length > 0).toBe(!isPing)
      }),
    )
  })

  it('counts a tool call without any input, which comes without a delta', () => {
    const { problems, toolCalls } = looked(
      message.filter(({ data }) => !('delta' in data && 'index' in data && data.index === 1)).map(frameOf),
    )
    expect(problems).toEqual([])
    expect(toolCalls).toEqual(['note'])
  })

  it.each([
    [
      'data that is not JSON',
      [new TextEncoder().encode('event: message_start\ndata: {"type"\n\n')],
      /message_start is not a JSON/,
    ],
    ['no event at all', [], /holds no message/],
    ['an event after the end', [...message, message[4]!].map(frameOf), /after message_stop/],
  ])('is bad with %s', (_, frames, problem) => {
    expect(looked(frames).problems.join('\n')).toMatch(problem)
  })
})
