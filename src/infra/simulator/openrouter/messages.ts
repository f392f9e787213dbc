/**
 * OpenRouter's Anthropic skin: messages as the API sends them, with the cost in `usage`, the provider beside it, and
 * processing comments in the stream.
 */
import { type Extras, type Message, messageObject } from '#infra/simulator/content.ts'
import { openRouterStep } from '#infra/simulator/openrouter/refusals.ts'
import { refusalNamed } from '#infra/simulator/refusal.ts'
import { frame, type StreamEvent, streamEvents } from '#infra/simulator/stream-events.ts'
import type { Speech } from '#infra/simulator/wire.ts'

export const PROCESSING = ': OPENROUTER PROCESSING\n\n'

export const messagesSpeech = (of: {
  readonly generationId: string
  readonly model: string
  readonly headers: Speech['headers']
  /** Members of `usage` that tell the cost, asked for once per answer. */
  readonly charge: (message: Message) => object
  readonly trailingDone: boolean
}): Speech => {
  const extras = (message: Message): Extras => ({
    message: { provider: 'Anthropic' },
    startUsage: { inference_geo: null },
    finalUsage: of.charge(message),
  })
  return {
    ids: { message: 'msg_01', toolUse: 'toolu_01' },
    jsonType: 'application/json',
    headers: of.headers,
    refuse: (refusal) => openRouterStep(refusal, 'messages', of.model),
    errorBody: (body) =>
      'type' in body && body.type === 'error'
        ? { ...body, request_id: isKeyError(body) ? null : of.generationId }
        : body,
    json: (message) => messageObject(message, extras(message)),
    events: (message, shape) => [
      comment(0),
      ...streamEvents(message, shape, extras(message)),
      ...(of.trailingDone ? [{ bytes: Buffer.from('data: [DONE]\n\n'), tokens: message.outputTokens }] : []),
    ],
    errorEvent: (type, message) => {
      const { body } = openRouterStep(refusalNamed(type, message), 'messages', of.model)
      return frame('error', body as object)
    },
    ping: Buffer.from(PROCESSING),
  }
}

const comment = (tokens: number): StreamEvent => ({ bytes: Buffer.from(PROCESSING), tokens })

/** Nothing was generated for a key that is wrong. */
const isKeyError = (body: object): boolean =>
  'error' in body && (body.error as { readonly error_type?: unknown }).error_type === 'authentication'
