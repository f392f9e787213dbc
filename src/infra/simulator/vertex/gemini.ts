/**
 * Gemini in the OpenAI dialect, as Vertex AI serves it: OpenAI's requests, a subset of JSON Schema, thought signatures on
 * tool calls, and Google's errors.
 */

import type { EngineOptions } from '#infra/simulator/engine-options.ts'
import { isObject, listOf } from '#infra/simulator/json.ts'
import type { Complaint } from '#infra/simulator/openai/chat-body.ts'
import { chatSpeech } from '#infra/simulator/openai/chat-speech.ts'
import { openAiStyle } from '#infra/simulator/openai/chat-style.ts'
import { parseChat } from '#infra/simulator/openai/check-request.ts'
import { peek } from '#infra/simulator/openai/peek.ts'
import { toPrompt } from '#infra/simulator/openai/to-prompt.ts'
import { GOOGLE_HEADERS, GOOGLE_JSON } from '#infra/simulator/vertex/google-headers.ts'
import type { Place } from '#infra/simulator/vertex/paths.ts'
import { googleRefusal } from '#infra/simulator/vertex/refusals.ts'
import { checkThoughts, thoughtSignature } from '#infra/simulator/vertex/thought-signature.ts'
import {
  type Ask,
  DEFAULT_MAX_INPUT_TOKENS,
  type EngineRequest,
  type Speech,
  type WireContext,
} from '#infra/simulator/wire.ts'

export const geminiAsk = (options: EngineOptions, request: EngineRequest): Ask => {
  const rules = { accepts: ['extra_body', 'messages.extra_content'], sloppy: options.sloppy ?? {} }
  const parsed = parseChat(request.body, rules)
  const refuse = (complaint: Complaint): Ask => ({ _tag: 'Refused', refusal: { _tag: 'InvalidRequest', ...complaint } })
  if (parsed._tag === 'Invalid') return refuse(parsed.complaint)
  const { body } = parsed
  const served =
    options.models === undefined ? /^google\/gemini-/.test(body.model) : options.models.includes(body.model)
  if (!served) return { _tag: 'Refused', refusal: { _tag: 'UnknownModel', model: body.model } }
  const complaint = checkSchemas(body.tools) ?? checkThoughts(body)
  if (complaint !== undefined) return refuse(complaint)
  return { _tag: 'Call', body: toPrompt(body), maxInputTokens: options.maxInputTokens ?? DEFAULT_MAX_INPUT_TOKENS }
}

export const geminiSpeech = ({ options }: WireContext, request: EngineRequest, place: Place): Speech => {
  const { model, streams, includeUsage } = peek(request.body)
  const usual = openAiStyle(options.sloppy ?? {}, { created: Math.floor(request.at / 1_000), includeUsage })
  const style = {
    ...usual,
    members: { system_fingerprint: '' },
    callMembers: (nth: number) =>
      nth === 0 ? { extra_content: { google: { thought_signature: thoughtSignature(request.requestId) } } } : {},
  }
  const resource = `projects/${place.project}/locations/${place.location}/${model}`
  return {
    ...chatSpeech({
      ids: { message: 'gemini-', toolUse: 'call_' },
      style,
      headers: () => GOOGLE_HEADERS,
      refuse: (refusal) => {
        const step = googleRefusal(refusal, resource)
        return options.sloppy?.arrayErrors ? { ...step, body: [step.body] } : step
      },
      streams,
    }),
    jsonType: GOOGLE_JSON,
  }
}

/** Words of JSON Schema that Gemini's subset does not have. */
const NO_WORDS = [
  ...['$schema', '$id', '$ref', '$defs', 'additionalProperties', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...['propertyNames', 'patternProperties', 'const', 'default'],
]

const checkSchemas = (tools: unknown): Complaint | undefined => {
  for (const [index, tool] of listOf(tools).entries()) {
    const parameters = isObject(tool) && isObject(tool.function) ? tool.function.parameters : undefined
    const word = unknownWord(parameters)
    if (word === undefined) continue
    return {
      message: `Invalid JSON payload received. Unknown name "${word}" at 'tools[0].function_declarations[${index}].parameters': Cannot find field.`,
    }
  }
  return undefined
}

/** The first word anywhere in a schema that is not Gemini's; a property may have any name. */
const unknownWord = (schema: unknown): string | undefined => {
  if (Array.isArray(schema)) return firstOf(schema)
  if (!isObject(schema)) return undefined
  const own = Object.keys(schema).find((word) => NO_WORDS.includes(word))
  if (own !== undefined) return own
  if (Array.isArray(schema.type)) return 'type'
  return firstOf(
    Object.entries(schema).flatMap(([word, value]) =>
      word === 'properties' && isObject(value) ? Object.values(value) : word === 'enum' ? [] : [value],
    ),
  )
}

const firstOf = (schemas: readonly unknown[]): string | undefined => {
  for (const schema of schemas) {
    const word = unknownWord(schema)
    if (word !== undefined) return word
  }
  return undefined
}
