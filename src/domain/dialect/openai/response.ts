/**
 * A whole chat completion → a whole Anthropic message.
 */
import {
  type AnswerOptions,
  isObject,
  type Json,
  listOf,
  readParts,
  textOf,
} from '#domain/dialect/openai/answer-parts.ts'
import { type RaisedError, raiseInnerError } from '#domain/dialect/openai/raise-error.ts'
import { isFailedFinish, raiseStop, type Stop } from '#domain/dialect/openai/stop-reason.ts'
import { endThinking, splitThinking, thinkTags } from '#domain/dialect/openai/think-tags.ts'
import { toolId, toolInput, toolName } from '#domain/dialect/openai/tool-call.ts'
import { type RaisedUsage, raiseUsage, tokensOf, usageOf } from '#domain/dialect/openai/usage.ts'

export type RaisedBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: Json }

export interface RaisedMessage extends Stop {
  readonly id: string
  readonly type: 'message'
  readonly role: 'assistant'
  readonly model: string
  readonly content: readonly RaisedBlock[]
  readonly container: null
  readonly usage: RaisedUsage
}

/** `malformed`: a 200 that is no chat completion. `error`: a 200 that holds an error. */
export type Raised =
  | { readonly message: RaisedMessage }
  | { readonly malformed: string }
  | { readonly error: RaisedError }

/** Translates the parsed body of a 200 answer. An empty answer stays an empty message: the caller may count it. */
export const raiseMessage = (json: unknown, options: AnswerOptions): Raised => {
  if (!isObject(json)) return { malformed: 'the answer is not a JSON object' }
  if (json.error || json.object === 'error') return { error: raiseInnerError(json) }
  const choice = listOf(json.choices)[0]
  if (!isObject(choice)) return { malformed: 'the answer has no choice' }
  const finish = textOf(choice.finish_reason)
  if (choice.error) return { error: raiseInnerError(choice) }
  if (isFailedFinish(finish)) return { error: raiseInnerError({ error: { message: `finish_reason ${finish}` } }) }
  if (!isObject(choice.message)) return { malformed: 'the answer has no message' }

  const id = `msg_${options.newId()}`
  const parts = readParts(choice.message)
  const calls = parts.calls.filter((call) => call.name !== '' || call.arguments.trim() !== '')
  if (calls.some((call) => call.name === '')) return { malformed: 'a tool call has no name' }

  const tags = thinkTags(options.quirks.thinkTags === true)
  const tagged = [...splitThinking(tags, parts.text), ...endThinking(tags)]
  const prose = (kind: 'text' | 'thinking', first: string, last: string): string =>
    first + tagged.map((piece) => (piece.kind === kind ? piece.text : '')).join('') + last
  const thinking = prose('thinking', parts.reasoning, '')
  const text = prose('text', '', parts.refusal)
  const used = new Set<string>()
  // White space alone is no block: Claude models refuse it when it comes back.
  const content: readonly RaisedBlock[] = [
    ...(thinking.trim() === '' ? [] : [{ type: 'thinking', thinking, signature: options.sign(thinking) } as const]),
    ...(text.trim() === '' ? [] : [{ type: 'text', text } as const]),
    ...calls.map((call) => ({
      type: 'tool_use' as const,
      id: toolId(call.id, used, options),
      name: toolName(call.name, options),
      input: toolInput(call.arguments),
    })),
  ]
  const { stop_reason, stop_sequence, stop_details } = raiseStop(finish, calls.length, parts.refusal !== '')
  const message: RaisedMessage = {
    id,
    type: 'message',
    role: 'assistant',
    model: options.model,
    content,
    stop_reason,
    stop_sequence,
    stop_details,
    container: null,
    usage: raiseUsage(usageOf(json), options.quirks, {
      input: options.estimatedInputTokens ?? 0,
      output: tokensOf(charactersOf(content)),
    }),
  }
  return { message }
}

const charactersOf = (content: readonly RaisedBlock[]): number => {
  let characters = 0
  for (const block of content) {
    if (block.type === 'thinking') characters += block.thinking.length
    else if (block.type === 'text') characters += block.text.length
    else characters += block.name.length + JSON.stringify(block.input).length
  }
  return characters
}
