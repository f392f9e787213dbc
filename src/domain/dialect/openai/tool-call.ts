/**
 * Tool calls of the chat dialect → `tool_use`: ids that a Claude model accepts later on, and arguments as an object.
 */
import { type AnswerOptions, isObject, type Json } from '#domain/dialect/openai/answer-parts.ts'
import { parseTold } from '#domain/dialect/told-json.ts'

/** What the Anthropic API takes as a tool id; Kimi's `functions.Bash:0` and Gemini's `call_x|fc_y` would poison the history. */
const LEGAL_ID = /^[a-zA-Z0-9_-]+$/

/** The server's id where it is legal and new in this conversation, else one of ours. Adds it to `used`. */
export const toolId = (told: string, used: Set<string>, options: AnswerOptions): string => {
  const known = used.has(told) || options.names.ids.has(told)
  const id = LEGAL_ID.test(told) && !known ? told : `toolu_${options.newId()}`
  used.add(id)
  return id
}

/** The client's name of a tool. */
export const toolName = (told: string, options: AnswerOptions): string => options.names.tools.get(told) ?? told

/** True for the text of a whole JSON object. */
export const isWhole = (text: string): boolean => text.trimEnd().endsWith('}') && isObject(parseTold(text))

/**
 * Arguments as the `input` of a tool_use. Nothing and `null` mean no arguments; JSON inside a JSON string (servers that
 * encode twice) is unwrapped. What is no object becomes `{_raw}`: the client refuses it and the model sees why.
 */
export const toolInput = (text: string): Json => {
  if (text.trim() === '') return {}
  const parsed = parseTold(text)
  if (isObject(parsed)) return parsed
  if (parsed === null) return {}
  const inner = typeof parsed === 'string' ? parseTold(parsed) : undefined
  return isObject(inner) ? inner : { _raw: text }
}
