/** The frames of the section `streams`: chunks that tell their number and when they were written. */

const frame = (event: string, data: object): string =>
  `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`

export const PRELUDE =
  frame('message_start', {
    message: {
      id: 'msg_01BenchBenchBenchBenchBench',
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-5-5',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 12, output_tokens: 1 },
    },
  }) + frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })

export const FINISH =
  frame('content_block_stop', { index: 0 }) +
  frame('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 90 } }) +
  frame('message_stop', {})

/** The monotonic clock that all processes of the machine share, in µs. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n)

export const tickOf = (n: number): string =>
  frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: `${n} ${nowUs()};` } })

/** Number and time of each chunk in a piece of a stream that begins and ends between frames. */
export const ticksIn = (text: string): readonly (readonly [n: number, writtenUs: number])[] =>
  [...text.matchAll(/"text":"(\d+) (\d+);"/g)].map(([, n, writtenUs]) => [Number(n), Number(writtenUs)] as const)
