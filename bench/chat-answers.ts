/**
 * The prepared answers in the shapes of OpenAI chat completions: the same story as answers.ts tells, in as many text chunks
 * and writes. What Signalbox makes of them is known but for the ids that it draws and its estimate of the prompt.
 */
import { ANSWER_TEXT, TEXT_EVENTS, textOfEvent, WRITES } from './answers.ts'

/** Sent as one write with a content-length. */
export const chatJsonAnswer = (): Buffer =>
  Buffer.from(
    JSON.stringify({
      ...completion('chat.completion'),
      choices: [
        { index: 0, message: { role: 'assistant', content: ANSWER_TEXT, refusal: null }, finish_reason: 'stop' },
      ],
      usage,
    }),
  )

/** The stream's writes, in order: four text chunks each, but the first and the last, which have one text and the rest. */
export const chatStreamAnswer = (): readonly Buffer[] => {
  const chunk = (delta: object, finish_reason: string | null = null): string =>
    frame({
      ...completion('chat.completion.chunk'),
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      usage: null,
    })
  const texts = Array.from({ length: TEXT_EVENTS }, (_, index) => chunk({ content: textOfEvent(index) }))
  const first = [chunk({ role: 'assistant', content: '', refusal: null }), texts[0]]
  const last = [
    texts.at(-1),
    chunk({}, 'stop'),
    frame({ ...completion('chat.completion.chunk'), choices: [], usage }),
    'data: [DONE]\n\n',
  ]
  const between = texts.slice(1, -1)
  const each = between.length / (WRITES - 2)
  const writes = Array.from({ length: WRITES - 2 }, (_, write) => between.slice(write * each, (write + 1) * each))
  return [first, ...writes, last].map((frames) => Buffer.from(frames.join('')))
}

/** An answer with what differs from one request to the next blanked: the message's id, and the first count of the prompt. */
export const maskTranslated = (answer: Buffer): string =>
  answer
    .toString('latin1')
    .replace(/"id":"msg_[0-9A-Za-z]{24}"/, '"id":"msg_"')
    .replace(/"input_tokens":\d+/, '"input_tokens":0')

/** Whether a translated answer tells the upstream's story: all of the text, why it ended, what it cost. */
export const tellsTheStory = (answer: Buffer, streamed: boolean): boolean => {
  const told = streamed ? readStream(answer.toString()) : readMessage(JSON.parse(answer.toString()) as Message)
  return told.text === ANSWER_TEXT && told.stopReason === 'end_turn' && told.outputTokens === usage.completion_tokens
}

interface Told {
  readonly text: string
  readonly stopReason: string | undefined
  readonly outputTokens: number | undefined
}

interface Message {
  readonly content: readonly { readonly text?: string }[]
  readonly stop_reason: string
  readonly usage: { readonly output_tokens: number }
}

interface StreamEvent {
  readonly type: string
  readonly delta?: { readonly text?: string; readonly stop_reason?: string }
  readonly usage?: { readonly output_tokens: number }
}

const readMessage = ({ content, stop_reason, usage: { output_tokens } }: Message): Told => ({
  text: content.map(({ text }) => text ?? '').join(''),
  stopReason: stop_reason,
  outputTokens: output_tokens,
})

const readStream = (answer: string): Told => {
  const events = [...answer.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as StreamEvent)
  const end = events.find(({ type }) => type === 'message_delta')
  return {
    text: events.map(({ delta }) => delta?.text ?? '').join(''),
    stopReason: events.at(-1)?.type === 'message_stop' ? end?.delta?.stop_reason : undefined,
    outputTokens: end?.usage?.output_tokens,
  }
}

const frame = (data: object): string => `data: ${JSON.stringify(data)}\n\n`

const completion = (object: string): object => ({
  id: 'chatcmpl-BenchBenchBenchBenchBenchBenc',
  object,
  created: 1_795_000_000,
  model: 'bench-model',
  service_tier: 'default',
  system_fingerprint: 'fp_bench00000',
})

/** The counts of answers.ts, in the other dialect's terms: all of the prompt, and how much of it came from the cache. */
const usage = {
  prompt_tokens: 12_512,
  completion_tokens: 380,
  total_tokens: 12_892,
  prompt_tokens_details: { cached_tokens: 11_500, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
}
