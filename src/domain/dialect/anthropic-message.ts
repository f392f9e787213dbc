/**
 * What we read of a whole (non-streamed) Anthropic answer.
 */
import { clipName, readCost, readUsage } from '#domain/dialect/anthropic-usage.ts'
import { parseTold } from '#domain/dialect/told-json.ts'
import { noUsage, type Usage } from '#domain/usage.ts'

export type MessageReading =
  | {
      readonly _tag: 'Message'
      readonly model: string | undefined
      readonly stopReason: string | null
      readonly usage: Usage
      /** What the provider says it charged. */
      readonly costUsd: number | undefined
    }
  /** An error envelope with status 200. */
  | { readonly _tag: 'Error' }
  /** Not an Anthropic message at all: HTML, truncated JSON, another dialect. */
  | { readonly _tag: 'NotAMessage' }

/** Reads the body of a 200 answer to `stream: false`. */
export const readMessage = (body: Uint8Array): MessageReading => {
  const parsed = parseTold(new TextDecoder().decode(body))
  if (typeof parsed !== 'object' || parsed === null) return { _tag: 'NotAMessage' }
  const message = parsed as { readonly [key: string]: unknown }
  if (message.type === 'error') return { _tag: 'Error' }
  if (message.type !== 'message' || !Array.isArray(message.content)) return { _tag: 'NotAMessage' }
  return {
    _tag: 'Message',
    model: typeof message.model === 'string' ? clipName(message.model) : undefined,
    stopReason: typeof message.stop_reason === 'string' ? clipName(message.stop_reason) : null,
    usage: readUsage(message.usage) ?? noUsage,
    costUsd: readCost(message.usage),
  }
}
