/**
 * Requests to and whole answers from servers of the chat dialect: whatever the JSON says, what comes out is JSON of the other
 * dialect or a refusal, and no larger than it has to be.
 */
import { Schema } from 'effect'
import { readRequest } from '#domain/dialect/anthropic-request.ts'
import { readUsage } from '#domain/dialect/anthropic-usage.ts'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { raiseMessage } from '#domain/dialect/openai/response.ts'
import { lowerSchema } from '#domain/dialect/openai/schema.ts'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { Usage } from '#domain/usage.ts'
import { ChatRequest } from '#test/openai-request.ts'
import { completion, message, request } from '../corpus.ts'
import type { Dice } from '../dice.ts'
import { mutateJson } from '../mutate.ts'
import { firstOf, pure, type Target } from '../target.ts'

const maybe = <K extends keyof OpenAiQuirks>(
  { chance, pick }: Dice,
  name: K,
  ...values: readonly OpenAiQuirks[K][]
): Partial<OpenAiQuirks> => (chance(0.4) ? ({ [name]: pick(values) } as Partial<OpenAiQuirks>) : {})

const quirksOf = (draws: Dice): OpenAiQuirks => ({
  ...openAiQuirks,
  ...maybe(draws, 'maxTokensField', 'max_completion_tokens'),
  ...maybe(draws, 'systemRole', 'developer'),
  ...maybe(draws, 'systemFirstOnly', true),
  ...maybe(draws, 'stringContent', true),
  ...maybe(draws, 'noImages', true),
  ...maybe(draws, 'fileParts', true),
  ...maybe(draws, 'strictAlternation', true),
  ...maybe(draws, 'emptyInsteadOfNull', true),
  ...maybe(draws, 'noToolChoice', true),
  ...maybe(draws, 'toolIds', 'alnum9'),
  ...maybe(draws, 'maxTools', 0, 1, 128),
  ...maybe(draws, 'maxDescription', 1, 10),
  ...maybe(draws, 'schema', 'openai', 'plain', 'gemini'),
  ...maybe(draws, 'jsonObjectOnly', true),
  ...maybe(draws, 'reasoning', 'reasoning_effort', 'openrouter', 'thinking', 'enable_thinking'),
  ...maybe(draws, 'efforts', ['low', 'high'], []),
  ...maybe(draws, 'echoReasoning', true),
  ...maybe(draws, 'geminiThoughtSignature', true),
  ...maybe(draws, 'thinkTags', true),
  ...maybe(draws, 'userField', 'user', 'safety_identifier'),
})

const isChatRequest = Schema.is(ChatRequest)

/** What a client says of its own images and documents goes on as it said it; the server refuses what is none. */
const withoutMedia = (name: string, value: unknown): unknown =>
  name === 'url' ? 'https://example.com' : name === 'file_data' ? 'data:x;base64,' : name === 'filename' ? 'x' : value

const requests = pure('chat-requests', 8, (draws) => {
  const asked = mutateJson(draws, request)
  // What is invalid is refused before it comes here.
  if (readRequest(Buffer.from(JSON.stringify(asked)), true)._tag !== 'Valid') return undefined
  const quirks = quirksOf(draws)
  const options = { model: 'm', quirks, without: draws.chance(0.2) ? ['param:tools', 'param:stop'] : [] }
  const lowered = lowerRequest(asked, options)
  const again = lowerRequest(asked, options)
  if ('refused' in lowered) return lowered.refused === '' ? 'refused without a word' : undefined
  const text = JSON.stringify(lowered.body)
  return firstOf(
    [JSON.stringify(again) !== JSON.stringify(lowered), 'the same request gives other bytes'],
    [text.length > 4 * JSON.stringify(asked).length + 20_000, `${text.length} characters`],
    [!isChatRequest(JSON.parse(text, withoutMedia)), `no chat request: ${text.slice(0, 2_000)}`],
  )
})

const schemas = pure('tool-schemas', 4, (draws) => {
  const schema = mutateJson(draws, draws.pick(SCHEMAS))
  const kind = draws.pick(['any', 'openai', 'plain', 'gemini'] as const)
  const lowered = lowerSchema(schema, kind)
  const text = JSON.stringify(lowered)
  return firstOf(
    [lowered.type !== 'object', `its type is ${JSON.stringify(lowered.type)}`],
    [text.length > 50 * JSON.stringify(schema).length + 20_000, `${text.length} characters`],
    [kind === 'gemini' && /"\$(ref|defs|schema)":"/.test(text), 'Gemini takes no references'],
  )
})

const SCHEMAS: readonly object[] = request.tools.flatMap((tool) => ('input_schema' in tool ? [tool.input_schema] : []))

const answered = pure('chat-answers', 6, (draws) => {
  const told = mutateJson(draws, completion)
  let ids = 0
  const raised = raiseMessage(told, {
    quirks: quirksOf(draws),
    names: { tools: new Map(), ids: new Map() },
    sign: (text) => `ours:${text.length}`,
    model: 'claude-opus-5-5',
    newId: () => String(++ids),
    estimatedInputTokens: 7,
  })
  if (!('message' in raised)) return undefined
  const { content, usage } = raised.message
  return firstOf(
    [JSON.stringify(content).length > 4 * JSON.stringify(told).length + 1_000, 'it has grown'],
    [new Set(content.flatMap((block) => ('id' in block ? [block.id] : []))).size !== callsIn(content), 'one id twice'],
    [content.some((block) => block.type === 'tool_use' && block.name === ''), 'a call without a name'],
    [!isUsage(readUsage(JSON.parse(JSON.stringify(usage)))), `usage ${JSON.stringify(usage)}`],
  )
})

const callsIn = (content: readonly { readonly type: string }[]): number =>
  content.filter(({ type }) => type === 'tool_use').length

const isUsage = Schema.is(Usage)

const usages = pure('usage', 4, (draws) => {
  const told = mutateJson(draws, message.usage)
  const usage = readUsage(told)
  return firstOf([
    usage !== undefined && !isUsage(JSON.parse(JSON.stringify(usage))),
    `no usage of an event: ${JSON.stringify(usage)}`,
  ])
})

export const translationTargets: readonly Target[] = [requests, schemas, answered, usages]
