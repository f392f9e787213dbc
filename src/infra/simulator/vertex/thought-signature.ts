/**
 * Gemini's thought signatures: sent with the first tool call of an answer, wanted back with the first call of each step of
 * the running tool turn.
 */
import { isObject, type Json } from '#infra/simulator/json.ts'
import type { ChatBody, Complaint, ToolCall } from '#infra/simulator/openai/chat-body.ts'

const MARK = 'simulated-gemini:'
/** Documented values for histories that Gemini has not written. */
const ESCAPES = ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go']

export const thoughtSignature = (id: string): string => Buffer.from(MARK + id).toString('base64')

/** The complaint about the first step whose first call lacks its signature. Gemini before 3 has none. */
export const checkThoughts = (body: ChatBody): Complaint | undefined => {
  if (!/gemini-([3-9]|\d\d)/.test(body.model)) return undefined
  const turnFrom = body.messages.findLastIndex(({ role }) => role === 'user')
  for (const [index, { tool_calls }] of body.messages.entries()) {
    const call = index > turnFrom ? tool_calls?.[0] : undefined
    if (call === undefined) continue
    const signature = signatureOf(call)
    if (signature === undefined) {
      return {
        message: `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${call.function.name}\`, position ${index + 1}.`,
      }
    }
    if (!isKnown(signature)) return { message: 'Thought signature is not valid.' }
  }
  return undefined
}

const signatureOf = (call: ToolCall): unknown => {
  const extra = call.extra_content
  const google: Json = isObject(extra) && isObject(extra.google) ? extra.google : {}
  return google.thought_signature
}

const isKnown = (signature: unknown): boolean =>
  typeof signature === 'string' &&
  (ESCAPES.includes(signature) || Buffer.from(signature, 'base64').toString().startsWith(MARK))
