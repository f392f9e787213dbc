/**
 * What a chat message, or one delta of it, holds: text, reasoning under all the names that servers use for it, a refusal,
 * tool calls. The same reading serves whole answers and streams, so that both mean the same.
 */
import type { NameMap, OpenAiQuirks } from '#domain/dialect/openai/target.ts'

export type Json = { readonly [key: string]: unknown }
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** What both translations of an answer, whole and streamed, are told. */
export interface AnswerOptions {
  readonly quirks: OpenAiQuirks
  readonly names: NameMap
  /** The signature of a thinking block of ours, by which we know it again when the client sends it back. */
  readonly sign: (thinking: string) => string
  /** The model as the client named it. */
  readonly model: string
  /** 24 alphanumerics, new at each call. */
  readonly newId: () => string
  /** Tokens of the prompt, until (or in case never) the server tells. */
  readonly estimatedInputTokens?: number
}

export interface AnswerParts {
  readonly reasoning: string
  readonly text: string
  readonly refusal: string
  readonly calls: readonly CallPart[]
}

/** A tool call, or a fragment of one. Empty strings stand for what was not said. */
export interface CallPart {
  readonly index: number | undefined
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
}

export const readParts = (message: Json): AnswerParts => {
  const parts = listOf(message.content).filter(isObject)
  return {
    reasoning:
      reasoningOf(message) +
      parts
        .filter((part) => part.type === 'thinking')
        .map(thinkingOf)
        .join(''),
    text:
      textOf(message.content) +
      parts.map((part) => (part.type === 'text' || part.type === 'output_text' ? textOf(part.text) : '')).join(''),
    refusal: textOf(message.refusal) + parts.map((part) => textOf(part.refusal)).join(''),
    calls: callsOf(message).flatMap(readCall),
  }
}

/**
 * Servers that know several of these fields repeat the same text in each: only the first that says something counts.
 *
 * Of OpenRouter's `reasoning_details` only the text is read. Their signatures and encrypted parts, which Claude behind its
 * chat skin wants back unmodified, would have to travel through the client inside a signature of ours, and come back in the
 * wrong place all the same (the skin moves them to the front of the message). So such a model reasons anew in each turn;
 * Claude is better asked through `/messages`, where nothing is translated (providers 4.4).
 */
const reasoningOf = (message: Json): string =>
  textOf(message.reasoning_content) ||
  textOf(message.reasoning) ||
  listOf(message.reasoning_details).map(detailOf).join('') ||
  listOf(message.thinking_blocks).map(thinkingOf).join('')

const detailOf = (detail: unknown): string => (isObject(detail) ? textOf(detail.text) || textOf(detail.summary) : '')

/** litellm's blocks hold a string, Mistral's content parts a list of text parts. */
const thinkingOf = (block: unknown): string =>
  isObject(block) ? textOf(block.thinking) + listOf(block.thinking).map(detailOf).join('') : ''

const callsOf = (message: Json): readonly unknown[] => {
  const calls = listOf(message.tool_calls)
  // The form before tool_calls, still spoken by old servers: one call without id.
  return calls.length === 0 && isObject(message.function_call) ? [{ index: 0, function: message.function_call }] : calls
}

const readCall = (call: unknown): readonly CallPart[] => {
  if (!isObject(call)) return []
  const called = isObject(call.function) ? call.function : {}
  const given = called.arguments
  return [
    {
      index: typeof call.index === 'number' ? call.index : undefined,
      id: textOf(call.id),
      name: textOf(called.name),
      arguments: given === undefined || given === null ? '' : typeof given === 'string' ? given : JSON.stringify(given),
    },
  ]
}
