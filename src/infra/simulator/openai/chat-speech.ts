/**
 * How a chat-completions server words its answers to one request; OpenAI's own and every deviation of it.
 */
import { chatEvents, completionObject, sse } from '#infra/simulator/openai/chat-answer.ts'
import type { ChatStyle } from '#infra/simulator/openai/chat-style.ts'
import { type Refusal, refusalNamed } from '#infra/simulator/refusal.ts'
import type { StatusStep } from '#infra/simulator/script.ts'
import type { Speech } from '#infra/simulator/wire.ts'

export interface ChatVoice {
  readonly ids: Speech['ids']
  readonly style: ChatStyle
  readonly headers: Speech['headers']
  readonly refuse: (refusal: Refusal) => StatusStep
  /** The request wants a stream. */
  readonly streams: boolean
  readonly ping?: string
  /** An error in the middle of a stream, where it is not the body of the refusal as an event. */
  readonly streamError?: (refusal: Refusal, step: StatusStep) => object
}

export const chatSpeech = (voice: ChatVoice): Speech => {
  const { style } = voice
  const event = (refusal: Refusal): string => {
    const step = voice.refuse(refusal)
    const data = voice.streamError?.(refusal, step) ?? step.body
    return typeof data === 'string' ? data : sse(data)
  }
  return {
    ids: voice.ids,
    jsonType: 'application/json',
    headers: voice.headers,
    refuse: (refusal) =>
      style.sloppy.errorIn200Stream && voice.streams
        ? { _tag: 'Status', status: 200, headers: STREAM_TYPE, body: event(refusal), refusal }
        : voice.refuse(refusal),
    errorBody: (body) => body,
    json: (message) => completionObject(message, style),
    events: (message, shape) => chatEvents(message, shape, style),
    errorEvent: (type, message) => Buffer.from(event(refusalNamed(type, message))),
    ping: Buffer.from(voice.ping ?? ': keep-alive\n\n'),
  }
}

const STREAM_TYPE = { 'content-type': 'text/event-stream; charset=utf-8' }
