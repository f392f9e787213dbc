/** The rules for tool call ids and tool names on the server's side. */
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import { type Json, stringOr } from '#domain/dialect/openai/client-block.ts'
import { type Renaming, renaming } from '#domain/dialect/openai/renaming.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

/** The id of a tool call; one that is missing or not a string is empty, and so gets a made-up id. */
export const toolCallId = (block: Json): string => stringOr(block.id, '')

export const toolIds = (rule: OpenAiQuirks['toolIds'], ids: Iterable<string>): Renaming =>
  rule === 'alnum9'
    ? renaming(ids, /^[a-zA-Z0-9]{9}$/, (id, attempt) => base36(salted(id, attempt)).slice(-9))
    : // 40 is OpenAI's own maximum (string_above_max_length).
      renaming(ids, /^[a-zA-Z0-9_-]{1,40}$/, (id, attempt) => `call_${fnvHash(salted(id, attempt))}`)

/** Tool names of at most 64 of `[a-zA-Z0-9_-]`; a changed one keeps its readable beginning, for the model reads it. */
export const toolNames = (names: Iterable<string>): Renaming =>
  renaming(
    names,
    /^[a-zA-Z0-9_-]{1,64}$/,
    (name, attempt) =>
      `${name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, 55)}_${fnvHash(salted(name, attempt)).slice(0, 8)}`,
  )

const salted = (name: string, attempt: number): string => (attempt === 0 ? name : `${name}\u0000${attempt}`)
const base36 = (text: string): string =>
  BigInt(`0x${fnvHash(text)}`)
    .toString(36)
    .padStart(9, '0')
