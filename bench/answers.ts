/**
 * The prepared answers of the benchmark's upstream, in the shapes of the Anthropic Messages API: one JSON message, and one
 * stream of 60 events in 15 writes. The load generator holds every answer it gets against these bytes.
 */

/** Sent as one write with a content-length. About 1.7 kB, a short answer. */
export const jsonAnswer = (): Buffer => {
  const content = [{ type: 'text', text: ANSWER_TEXT }]
  return Buffer.from(
    JSON.stringify({ ...message, content, stop_reason: 'end_turn', usage: { ...usage, output_tokens: 380 } }),
  )
}

/** The stream's writes, in order; four events each. */
export const streamAnswer = (): readonly Buffer[] => {
  const events: readonly (readonly [type: string, fields: object])[] = [
    [
      'message_start',
      { message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } },
    ],
    ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
    ['ping', {}],
    ...Array.from({ length: TEXT_EVENTS }, (_, index) => {
      return ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: textOfEvent(index) } }] as const
    }),
    ['content_block_stop', { index: 0 }],
    [
      'message_delta',
      { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { ...usage, output_tokens: 380 } },
    ],
    ['message_stop', {}],
  ]
  const frames = events.map(([type, fields]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`)
  return Array.from({ length: frames.length / EVENTS_PER_WRITE }, (_, write) =>
    Buffer.from(frames.slice(write * EVENTS_PER_WRITE, (write + 1) * EVENTS_PER_WRITE).join('')),
  )
}

/** Between the writes of a stream: apart enough for a busy proxy to read each by itself; see docs/benchmarks.md. */
export const STREAM_PAUSE_MS = 2

/** With the six events around them: 60. */
export const TEXT_EVENTS = 54
const EVENTS_PER_WRITE = 4
export const WRITES = (TEXT_EVENTS + 6) / EVENTS_PER_WRITE

/** What one event says; all of them together say what the JSON message does. */
export const textOfEvent = (index: number): string => words(WORDS_PER_EVENT, index * WORDS_PER_EVENT)
const WORDS_PER_EVENT = 5

const message = {
  id: 'msg_01BenchBenchBenchBenchBench',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-5-5',
  stop_sequence: null,
}

const usage = {
  input_tokens: 12,
  cache_creation_input_tokens: 1_000,
  cache_read_input_tokens: 11_500,
  cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 0 },
  service_tier: 'standard',
}

const VOCABULARY = 'the box sets each route and writes every movement into the register before the train leaves'.split(
  ' ',
)

const words = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => `${VOCABULARY[(from + i) % VOCABULARY.length]} `).join('')

export const ANSWER_TEXT = words(TEXT_EVENTS * WORDS_PER_EVENT)
