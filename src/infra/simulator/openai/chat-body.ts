/**
 * A chat request as the simulator reads it, and the refusals of one that is wrong. A check is a function that answers the
 * first complaint, or nothing.
 */
import type { Json } from '#infra/simulator/json.ts'

export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
  readonly max_tokens?: number | null
  readonly max_completion_tokens?: number | null
  readonly stream?: boolean | null
  readonly stream_options?: { readonly include_usage?: boolean } | null
}

export interface ChatMessage {
  readonly role: string
  readonly content?: string | readonly Json[] | null
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
}

export interface ToolCall {
  readonly id: string
  readonly function: { readonly name: string; readonly arguments: string }
  readonly extra_content?: unknown
}

/** What is wrong, as OpenAI says it. */
export interface Complaint {
  readonly message: string
  readonly param?: string
  readonly code?: string
}

/** Absent or null: OpenAI takes both for optional fields. */
export const absent = (value: unknown): value is undefined | null => value === undefined || value === null

export const wrongType = (param: string, wanted: string, value: unknown): Complaint => ({
  message: `Invalid type for '${param}': expected ${wanted}, but got ${typeName(value)} instead.`,
  param,
  code: 'invalid_type',
})

export const missing = (param: string): Complaint => ({
  message: `Missing required parameter: '${param}'.`,
  param,
  code: 'missing_required_parameter',
})

export const unknownField = (param: string): Complaint => ({
  message: `Unknown parameter: '${param}'.`,
  param,
  code: 'unknown_parameter',
})

export const tooLong = (param: string, maximum: number, length: number): Complaint => ({
  message: `Invalid '${param}': string too long. Expected a string with maximum length ${maximum}, but got a string with length ${length} instead.`,
  param,
  code: 'string_above_max_length',
})

export const tooMany = (param: string, maximum: number, length: number): Complaint => ({
  message: `Invalid '${param}': array too long. Expected an array with maximum length ${maximum}, but got an array with length ${length} instead.`,
  param,
  code: 'array_above_max_length',
})

export const emptyArray = (param: string): Complaint => ({
  message: `Invalid '${param}': empty array. Expected an array with minimum length 1, but got an empty array instead.`,
  param,
  code: 'empty_array',
})

export const emptyText = (param: string): Complaint => ({
  message: `Invalid '${param}': empty string. Expected a string with minimum length 1, but got an empty string instead.`,
  param,
  code: 'empty_string',
})

/** The first field of an object that is not among the known ones. */
export const unknownIn = (value: Json, known: readonly string[], path: string): Complaint | undefined => {
  const name = Object.keys(value).find((key) => !known.includes(key))
  return name === undefined ? undefined : unknownField(`${path}${name}`)
}

/** The first complaint of several. */
export const first = (checks: Iterable<Complaint | undefined>): Complaint | undefined => {
  for (const complaint of checks) if (complaint !== undefined) return complaint
  return undefined
}

const typeName = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
